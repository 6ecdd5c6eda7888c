"""A light frontend that learns to give what a large one gives."""

from typing import Any, Dict, Optional, Tuple

import torch
import torch.nn.functional as F
from espnet2.torch_utils.device_funcs import force_gatherable
from espnet2.train.abs_espnet_model import AbsESPnetModel

from espnet_samos.frontend.light_ssl import (
    HOP_LENGTH,
    LightSslFrontend,
    silent_frames,
)

# Frames at both ends of a window see the padding in one network and not in the other.
EDGE_FRAMES = 2
LARGEST_NOISE = 2.0**-15  # a step of 16 bits, as a standard deviation


class DistillationModel(AbsESPnetModel):
    """Learn the features of a teacher, which were computed beforehand.

    The loss is the squared error of the CNN's output, and that of the last transformer
    layer that is a feature, on average, with each dimension in units of its standard
    deviation over the training data: one minus it is the share of their variance that
    is explained. The transformer layers are the teacher's own and are not trained; with
    the teacher's input they give what the last layer should.

    In training the student hears each window up to 10 ms earlier or later than the
    teacher did, half a frame, and half of the windows with noise of at most 16-bit
    rounding: the teacher's features, and the scores on top of them, depend on where
    frames of 20 ms fall and on what is in digital silence, which nobody hears and the
    student should not learn.

    Args:
        student: The light frontend.
    """

    def __init__(self, student: LightSslFrontend):
        super().__init__()
        self.student = student
        dim = student.projection.out_features
        # learn mean and variance of the teacher's features
        self.scales = torch.nn.ModuleList(
            torch.nn.BatchNorm1d(dim, affine=False, momentum=None)
            for _ in {0, max(student.layers)}
        )

    def forward(
        self,
        speech_16k: torch.Tensor,
        teacher_feats: torch.Tensor,
        speech_16k_lengths: Optional[torch.Tensor] = None,
        teacher_feats_lengths: Optional[torch.Tensor] = None,
        **kwargs: object,
    ) -> Tuple[torch.Tensor, Dict[str, torch.Tensor], torch.Tensor]:
        """Compute the loss of a batch.

        Args:
            speech_16k: Windows at 16 kHz (Batch, NSamples), all of one length.
            teacher_feats: The teacher's features (Batch, NFrames, Dim), every 20 ms.
            speech_16k_lengths: (Batch,) in samples.
            teacher_feats_lengths: (Batch,) in frames.
            kwargs: The clips' names, which ESPnet adds.

        Returns:
            The loss, statistics and the weight, as ESPnet's trainer takes them.

        Raises:
            ValueError: The teacher's features are of another size or rate.
        """
        if self.training:
            speech_16k = move_randomly(speech_16k, HOP_LENGTH)
            speech_16k = add_rounding_noise(speech_16k)
        spectrum = self.student.spectrum(speech_16k)
        found = self.student.cnn_output(spectrum)
        sizes = found.shape[1:], teacher_feats.shape[1:]
        (num_frames, dim), (teacher_frames, teacher_dim) = sizes
        if dim != teacher_dim or abs(num_frames - teacher_frames) > EDGE_FRAMES:
            raise ValueError(
                f"the teacher has {teacher_frames} frames of {teacher_dim} features in "
                f"a window, the student {num_frames} of {dim}: set "
                "ssl_frontend_conf.output_size, and take a teacher with a frame every "
                "20 ms"
            )
        num_frames = min(num_frames, teacher_frames)
        silent = silent_frames(spectrum)[:, :num_frames]
        states = self.student.hidden_states(found[:, :num_frames], silent)
        with torch.no_grad():
            expected = self.student.hidden_states(teacher_feats[:, :num_frames], silent)
        compared = ~silent
        compared[:, :EDGE_FRAMES] = compared[:, num_frames - EDGE_FRAMES :] = False
        layers = sorted({0, max(self.student.layers)})
        errors = {
            f"error_{layer}": self._error(
                scale, states[layer][compared], expected[layer][compared]
            )
            for layer, scale in zip(layers, self.scales, strict=True)
        }
        loss = torch.stack(list(errors.values())).mean()
        stats = dict(loss=loss.detach())
        stats.update((name, error.detach()) for name, error in errors.items())
        return force_gatherable((loss, stats, len(teacher_feats)), loss.device)

    @staticmethod
    def _error(
        scale: torch.nn.Module, found: torch.Tensor, expected: torch.Tensor
    ) -> torch.Tensor:
        """Return the error of frames (NFrames, Dim), relative to the variance."""
        scale(expected)
        variance = scale.running_var + scale.eps
        return ((found - expected).square() / variance).mean()

    def collect_feats(self, **batch: torch.Tensor) -> Dict[str, torch.Tensor]:
        """Return no features: ESPnet's statistics of them have no use here."""
        return {}


def move_randomly(waveforms: torch.Tensor, most: int) -> torch.Tensor:
    """Make each waveform begin earlier or later; zeros take the place that is free.

    Args:
        waveforms: (Batch, NSamples).
        most: By how many samples at most, either way, uniformly.

    Returns:
        (Batch, NSamples).
    """
    num_samples = waveforms.shape[1]
    padded = F.pad(waveforms, (most, most))
    firsts = torch.randint(2 * most + 1, (len(waveforms),)).tolist()
    return torch.stack(
        [
            wave[first : first + num_samples]
            for wave, first in zip(padded, firsts, strict=True)
        ]
    )


def add_rounding_noise(waveforms: torch.Tensor) -> torch.Tensor:
    """Add white noise to half of the waveforms, of up to a step of 16 bits.

    Args:
        waveforms: (Batch, NSamples), in -1..1.

    Returns:
        (Batch, NSamples).
    """
    level = LARGEST_NOISE * (2 * torch.rand(len(waveforms), 1) - 1).clamp(min=0)
    return waveforms + level.to(waveforms) * torch.randn_like(waveforms)


def copy_transformer(student: LightSslFrontend) -> None:
    """Copy Distill-MOS's transformer layers, and its mean position, to a student.

    Raises:
        ImportError: `distillmos` is not installed.
        ValueError: The student's layers have other sizes, or it has more of them.
    """
    from espnet_samos.frontend.distillmos import DistillMosFrontend

    teacher: Any = DistillMosFrontend(layer=7).model.module
    num_layers = len(student.transformer)
    if num_layers > len(teacher.layers):
        raise ValueError(
            f"ssl_frontend_conf.num_layers is {num_layers}: Distill-MOS has "
            f"{len(teacher.layers)}"
        )
    with torch.no_grad():
        try:
            for mine, theirs in zip(student.transformer, teacher.layers, strict=False):
                mine.load_state_dict(theirs.state_dict())
            student.position.copy_(teacher.position_encoding.pe.mean(dim=(0, 1)))
        except RuntimeError as e:
            raise ValueError(
                "ssl_frontend_conf: output_size is 200 and feedforward_size 400 in "
                f"Distill-MOS: {e}"
            ) from e
