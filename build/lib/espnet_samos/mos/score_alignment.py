"""How the scales of several corpora's listening tests relate."""

from typing import Dict, Optional, Sequence, Tuple

import torch

# The middle of the scale 1..5. Corpora are shifted and stretched about it, so that
# the two can be learned independently of each other.
CENTRE = 3.0
# Adam moves a weight by about one learning rate a step. Predictions, the sums of many
# weights, move faster; these two have to keep up, or the network learns a compromise
# between the scales first.
STEP = 10.0


class ScoreAlignment(torch.nn.Module):
    """An increasing affine function from the common scale to that of one corpus.

    At the beginning it is the identity.
    """

    def __init__(self):
        super().__init__()
        self.log_scale = torch.nn.Parameter(torch.zeros(()))
        self.shift = torch.nn.Parameter(torch.zeros(()))

    def forward(self) -> Tuple[torch.Tensor, torch.Tensor]:
        """Return a > 0 and b, scalars, of score -> a · score + b."""
        scale = torch.exp(STEP * self.log_scale)
        return scale, (1 - scale) * CENTRE + STEP * self.shift


class ScoreAlignments(torch.nn.ModuleDict):
    """The scales of several corpora, learnt with a head.

    Listeners use the scale relative to what else is in their test, so that equal
    clips have different labels in different corpora. Here a label of corpus c is
    a · m + b of a common quality m, with a > 0 and b of its own, and its variance
    a² times that of m. The first corpus is the reference: its a is 1 and its b 0,
    so that the common scale, on which the model predicts, is that of its labels.

    The idea, alignment functions learned together with the predictor, is from
    AlignNet (J. Pieper and S. Voran, "AlignNet: Learning dataset score alignment
    functions to enable better training of speech quality estimators", Interspeech
    2024, arXiv 2406.10205); this is its affine special case.

    Args:
        corpora: Names of the corpora, the reference first; none for a single scale.

    Raises:
        ValueError: A single corpus, one that is named twice, or a name that cannot be
            part of a weight's name.
    """

    def __init__(self, corpora: Sequence[str] = ()):
        if len(corpora) == 1 or len(set(corpora)) < len(corpora):
            raise ValueError(
                f"head_conf.corpora is {list(corpora)}: name two corpora or more, each "
                "once and the reference first, or none"
            )
        if any("." in name for name in corpora):
            raise ValueError(
                f"head_conf.corpora is {list(corpora)}: no name can have a '.' in it; "
                "rename the data directory"
            )
        # By name, so that a checkpoint says which corpus a weight belongs to.
        super().__init__({name: ScoreAlignment() for name in corpora[1:]})

    def forward(
        self,
        mean: torch.Tensor,
        variance: torch.Tensor,
        corpus: Optional[torch.Tensor],
    ) -> Tuple[torch.Tensor, torch.Tensor]:
        """Map predictions, each (Batch,), to the scales of the clips' corpora.

        Without `corpus` (Batch,) they are taken to be of the reference.
        """
        if not self:
            return mean, variance
        if corpus is None:
            # The same computation, so that all weights always have gradients:
            # PyTorch's data parallelism needs that.
            corpus = torch.zeros_like(mean, dtype=torch.long)
        one = torch.ones((), device=mean.device)
        scales, offsets = zip(
            (one, 0 * one), *(align() for align in self.values()), strict=True
        )
        # (NCorpora,) -> (Batch,)
        scale = torch.stack(scales)[corpus]
        return scale * mean + torch.stack(offsets)[corpus], scale**2 * variance

    def stats(self) -> Dict[str, torch.Tensor]:
        """Return a and b of all corpora but the reference: `scale_<corpus>`, ..."""
        stats = {}
        for name, align in self.items():
            scale, offset = align()
            stats[f"scale_{name}"] = scale.detach()
            stats[f"offset_{name}"] = offset.detach()
        return stats
