"""The model that ESPnet trains."""

import re
from typing import Any, Dict, Optional, Sequence, Tuple

import torch
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.torch_utils.device_funcs import force_gatherable
from espnet2.train.abs_espnet_model import AbsESPnetModel

from espnet_samos.mos.abs_clip_encoder import AbsClipEncoder
from espnet_samos.mos.abs_head import AbsHead
from espnet_samos.mos.comparison_head import ComparisonHead
from espnet_samos.utils.score_names import table_name

# In the names of the weights that ESPnet's adapters (LoRA, Houlsby) add
ADAPTER = re.compile(r"\.lora_|adapter")


class ESPnetMosModel(AbsESPnetModel):
    """Predict the mean opinion score of a window of speech, and its variance.

    Two parallel branches, each a frontend and an encoder, meet in the head. A
    branch that is None is left out: with the SSL branch alone this is
    SSL-Layer-MOS, with both SA-SSL-MOS (arXiv 2602.14785).

    Args:
        ssl_frontend: 16 kHz waveform -> frames.
        ssl_encoder: Those frames -> a vector.
        spectrogram_frontend: 48 kHz waveform -> frames.
        spectrogram_encoder: Those frames -> a vector.
        head: The vectors, concatenated -> mean and variance.
        extract_feats_in_collect_stats: Build the model when ESPnet collects
            statistics, which takes none of it.
        label_error: While training, add the squared standard error of a label, its
            ratings' variance over their number, to the predicted variance: the model
            then does not learn the noise of small listening tests.

    Attributes:
        comparison: The head that compares clips, in a model that was trained to.
    """

    def __init__(
        self,
        ssl_frontend: Optional[AbsFrontend],
        ssl_encoder: Optional[AbsClipEncoder],
        spectrogram_frontend: Optional[AbsFrontend],
        spectrogram_encoder: Optional[AbsClipEncoder],
        head: AbsHead,
        extract_feats_in_collect_stats: bool = False,
        label_error: bool = False,
    ):
        super().__init__()
        self.ssl_frontend = ssl_frontend
        self.ssl_encoder = ssl_encoder
        self.spectrogram_frontend = spectrogram_frontend
        self.spectrogram_encoder = spectrogram_encoder
        self.head = head
        self.extract_feats_in_collect_stats = extract_feats_in_collect_stats
        self.label_error = label_error
        self.comparison: Optional[ComparisonHead] = None

    def comparing(self) -> "ESPnetMosModel":
        """Return a model of the same parts that predicts utility and dispersion.

        It takes the place of this one where clips are to be compared.
        """
        assert self.comparison is not None  # asked for where it is there
        return ESPnetMosModel(
            self.ssl_frontend,
            self.ssl_encoder,
            self.spectrogram_frontend,
            self.spectrogram_encoder,
            head=self.comparison,
        ).train(self.training)

    def predict(self, **batch: Any) -> Tuple[torch.Tensor, torch.Tensor]:
        """Predict the score's mean and variance.

        Args:
            batch: As `encode` takes it.

        Returns:
            Mean (Batch,), on the scale of the labels (1..5; where several corpora
            are aligned, of the first), and variance (Batch,), its square.
        """
        return self.head(self.encode(**batch))

    def predict_all(self, **batch: Any) -> Tuple[torch.Tensor, torch.Tensor]:
        """Predict every score of the head, the MOS first.

        Args:
            batch: As `encode` takes it.

        Returns:
            Means and variances (Batch, NScores), as `predict` has them of the first.
        """
        return self.head.all_scores(self.encode(**batch))

    def encode(
        self,
        speech_16k: Optional[torch.Tensor] = None,
        speech_16k_lengths: Optional[torch.Tensor] = None,
        speech_48k: Optional[torch.Tensor] = None,
        speech_48k_lengths: Optional[torch.Tensor] = None,
        ssl_feats: Optional[torch.Tensor] = None,
        ssl_feats_lengths: Optional[torch.Tensor] = None,
    ) -> torch.Tensor:
        """Turn windows into vectors.

        Args:
            speech_16k: Windows at 16 kHz (Batch, NSamples).
            speech_16k_lengths: (Batch,) in samples.
            speech_48k: The same windows at 48 kHz (Batch, 3 · NSamples).
            speech_48k_lengths: (Batch,) in samples.
            ssl_feats: What `ssl_frontend` gives (Batch, NFrames, Dim), where it
                was computed beforehand; `speech_16k` is then not needed.
            ssl_feats_lengths: (Batch,) in frames; windows have one length, so that
                these are not needed.

        Returns:
            The vectors of both branches, side by side (Batch, Dim), as the head
            takes them.
        """
        vectors = []
        if self.ssl_encoder is not None:
            if ssl_feats is None:
                assert self.ssl_frontend is not None  # as its encoder is there
                ssl_feats, _ = self.ssl_frontend(speech_16k, speech_16k_lengths)
            vectors.append(self.ssl_encoder(ssl_feats))
        if self.spectrogram_encoder is not None:
            assert self.spectrogram_frontend is not None  # as its encoder is there
            feats, _ = self.spectrogram_frontend(speech_48k, speech_48k_lengths)
            vectors.append(self.spectrogram_encoder(feats))
        # (Batch, Dim1), (Batch, Dim2) -> (Batch, Dim1 + Dim2)
        return torch.cat(vectors, dim=-1)

    def forward(
        self,
        mos: torch.Tensor,
        corpus: Optional[torch.Tensor] = None,
        mos_std: Optional[torch.Tensor] = None,
        votes: Optional[torch.Tensor] = None,
        utt_id: Optional[Sequence[str]] = None,
        **batch: torch.Tensor,
    ) -> Dict[str, object]:
        """Compute the loss of a batch.

        Args:
            mos: Labels (Batch, 1).
            corpus: Each clip's place (Batch, 1) in the head's list of corpora,
                where it has one; without it all are of the first.
            mos_std: Standard deviations of the ratings behind the labels (Batch, 1),
                for `label_error`.
            votes: Numbers of these ratings (Batch, 1).
            utt_id: The clips' names, for the trainer's hook.
            batch: As `encode` takes it, and labels `mos_<name>` (Batch, 1) of further
                and partial scores that the head has; NaN where a clip has none, which
                then adds nothing to the loss.

        Returns:
            `loss`, `stats` and `weight` as ESPnet's trainer reads them. For the
            trainer's hook, the predicted `mean` (Batch,), on the scale of each clip's
            corpus, and `further`, means (Batch,) by name of the further scores.

        Raises:
            ValueError: `label_error` is set and the labels' ratings are not there.
        """
        mos = mos.flatten()
        none = torch.full_like(mos, torch.nan)
        labels = {
            name: batch.pop(table_name(name), none).flatten()
            for name in self.head.further_labels(self.head.scores)
        }
        vector = self.encode(**batch)
        means, variances = self.head.all_scores(vector)
        mean, variance = means[:, 0], variances[:, 0]
        if corpus is not None:
            corpus = corpus.flatten()
        mean, variance = self.head.align(mean, variance, corpus)
        spread = variance
        if self.label_error:
            if mos_std is None or votes is None:
                raise ValueError(
                    "model_conf.label_error is true, but the data have no mos_std and "
                    "utt2votes: add them to the data directory, or leave it at false"
                )
            spread = variance + (mos_std.square() / votes).flatten()
        loss = self.head.loss(mean, spread, mos)
        further = {name: means[:, i] for i, name in enumerate(self.head.scores) if i}
        for i, (name, predicted) in enumerate(further.items(), 1):
            there = ~labels[name].isnan()
            # a right and certain prediction has neither loss nor gradient
            loss = loss + self.head.loss(
                predicted.where(there, 0.0),
                variances[:, i].where(there, 1.0),
                labels[name].where(there, 0.0),
            )
        if self.head.partial_names:
            loss = loss + self.head.partial_loss(vector, labels)
        stats = dict(
            loss=loss.detach(),
            predicted_std=variance.detach().sqrt().mean(),
            **self.head.stats(),
        )
        loss, stats, weight = force_gatherable((loss, stats, len(mos)), loss.device)
        return dict(
            loss=loss,
            stats=stats,
            weight=weight,
            mean=mean.detach(),
            further={name: predicted.detach() for name, predicted in further.items()},
        )

    def collect_feats(self, **batch: torch.Tensor) -> Dict[str, torch.Tensor]:
        """Return no features: ESPnet's statistics of them have no use here.

        `espnet_samos.bin.mos_dump_ssl_feats` is what writes SSL features.
        """
        return {}

    def load_state_dict(self, state_dict, strict: bool = True, **kwargs):
        """Load weights; beside adapters, those that are not trained may be missing.

        ESPnet loads trained models with `strict=False`, which would leave a
        weight that is missing from the file at its random initial value. With
        adapters it may save what is trained and nothing else (`--save_strategy`): the
        rest is the SSL model's, or frozen.

        Raises:
            ValueError: The weights align corpora that the head does not have.
            RuntimeError: Other weights are missing, surplus or of another shape.
        """
        surplus = [
            name.removeprefix("head.alignment.")
            for name in sorted(state_dict.keys() - self.state_dict().keys())
            if name.startswith("head.alignment.")
        ]
        if surplus:
            raise ValueError(
                "the weights align corpora that this head does not have "
                f"({', '.join(surplus)}): name them in head_conf.corpora, as the model "
                "that is loaded did"
            )
        has_adapter = any(ADAPTER.search(name) for name, _ in self.named_parameters())
        if strict or not has_adapter:
            return super().load_state_dict(state_dict, strict=True, **kwargs)
        keys = super().load_state_dict(state_dict, strict=False, **kwargs)
        frozen = {n for n, p in self.named_parameters() if not p.requires_grad}
        lost = sorted(set(keys.missing_keys) - frozen)
        lost = [name for name in lost if not name.startswith("ssl_frontend.")]
        if lost or keys.unexpected_keys:
            raise RuntimeError(
                f"missing: {', '.join(lost) or 'none'}; unexpected: "
                f"{', '.join(keys.unexpected_keys) or 'none'} (--save_strategy all "
                "saves all)"
            )
        return keys
