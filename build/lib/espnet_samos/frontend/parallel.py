"""SSL features and a log spectrogram of one waveform, side by side."""

from typing import Any, Dict, Optional, Tuple, Union

import humanfriendly
import torch
from espnet2.asr.frontend.abs_frontend import AbsFrontend

from espnet_samos.audio.resampling import resample_tensor
from espnet_samos.frontend.log_spectrogram import LogSpectrogramFrontend
from espnet_samos.frontend.ssl_layer import SSL_RATE, SslLayerFrontend


class ParallelFrontend(AbsFrontend):
    """SSL features, concatenated with the log spectrogram of the same time.

    The SSL model operates at 16 kHz and cannot see above 8 kHz; the spectrogram can.
    At other rates the waveform is resampled for the SSL model inside the frontend.

    **Alignment.** A frame of the output is one of the SSL model, with the spectrogram
    frames of that time stacked, in their order: 20 ms are 2 of them at 16 kHz
    (10 ms apart) and 6 at 48 kHz (3.33 ms apart). They are stacked and not averaged,
    since what a short window is for, clicks and gaps of a few milliseconds, would be
    lost in the mean of their logarithms; the layer behind learns which of them count.
    SSL frame t of a wav2vec 2.0 covers 25 ms around 20 t + 12.5 ms. Spectrogram frame
    k is centred on k hops, so frame 0, half of it before the clip, is left out, and
    the stacks are centred on 20 t + 15 ms at 16 kHz, 20 t + 11.7 ms at 48 kHz.

    A clip's features are a function of the clip, not of the padding behind it.

    Args:
        fs: Sampling rate of the input: 48000 or "48k".
        ssl_conf: Arguments of `SslLayerFrontend`, but for `fs`.
        spectrogram_conf: Arguments of `LogSpectrogramFrontend`, but for `fs`. Its
            `hop_length` must divide a frame of the SSL model: 960 samples at 48 kHz,
            882 at 44.1 kHz, where 147 takes the place of the default 160.

    Raises:
        ValueError: The frames cannot be aligned, or an argument of the SSL model is
            wrong.
    """

    def __init__(
        self,
        fs: Union[int, str],
        ssl_conf: Optional[Dict[str, Any]] = None,
        spectrogram_conf: Optional[Dict[str, Any]] = None,
    ):
        super().__init__()
        self.fs = humanfriendly.parse_size(fs) if isinstance(fs, str) else fs
        self.ssl = SslLayerFrontend(**(ssl_conf or {}))
        self.spectrogram = LogSpectrogramFrontend(
            fs=self.fs, **(spectrogram_conf or {})
        )
        self.hop_length, rest = divmod(self.ssl.hop_length * self.fs, SSL_RATE)
        if rest:
            raise ValueError(
                f"a frame of the SSL model, {self.ssl.hop_length} samples at 16 kHz, "
                f"is no whole number of samples at {self.fs} Hz: use another rate"
            )
        self.num_stacked, rest = divmod(self.hop_length, self.spectrogram.hop_length)
        if rest or self.num_stacked == 0:
            divisors = [
                n for n in range(1, self.hop_length + 1) if not self.hop_length % n
            ]
            wanted = self.spectrogram.hop_length
            raise ValueError(
                f"spectrogram_conf.hop_length is {wanted}, which does not divide a "
                f"frame of the SSL model, {self.hop_length} samples at {self.fs} Hz: "
                f"set it to {min(divisors, key=lambda n: abs(n - wanted))}"
            )

    def output_size(self) -> int:
        """Return the dimension of the features, SSL and stacked spectrogram."""
        return (
            self.ssl.output_size() + self.num_stacked * self.spectrogram.output_size()
        )

    def reload_pretrained_parameters(self) -> None:
        """Load the SSL model's weights again after ESPnet's `--init`."""
        self.ssl.reload_pretrained_parameters()

    def forward(
        self, input: torch.Tensor, input_lengths: torch.Tensor
    ) -> Tuple[torch.Tensor, torch.Tensor]:
        """Compute both.

        Args:
            input: Waveforms at `fs` (Batch, NSamples).
            input_lengths: (Batch,) in samples, at least 0.05 s.

        Returns:
            Features (Batch, NFrames, Dim), the SSL model's in the first columns,
            zero where a clip has ended, and the lengths (Batch,): 499 frames for
            10 s of wav2vec 2.0 at any rate.

        Raises:
            ValueError: A clip is too short.
        """
        # Both see some of the padding where a clip ends: it has to be silence.
        input = input.masked_fill(_padding(input_lengths, input.shape[1]), 0.0)
        waveforms = resample_tensor(input, self.fs, SSL_RATE)
        # as many samples as `resample_tensor` gives for a clip alone: rounded up
        ssl_feats, ssl_lengths = self.ssl(
            waveforms, -(-input_lengths * SSL_RATE // self.fs)
        )
        spectra, num_spectra = self.spectrogram(input, input_lengths)

        lengths = torch.minimum(ssl_lengths, (num_spectra - 1) // self.num_stacked)
        num_frames = int(lengths.max())
        # (Batch, 1 + NFrames * NStacked, NBins) -> (Batch, NFrames, NStacked * NBins)
        stacked = spectra[:, 1 : 1 + num_frames * self.num_stacked].reshape(
            len(input), num_frames, -1
        )
        feats = torch.cat([ssl_feats[:, :num_frames], stacked], dim=-1)
        return feats.masked_fill(_padding(lengths, num_frames)[..., None], 0.0), lengths


def _padding(lengths: torch.Tensor, size: int) -> torch.Tensor:
    """Return a mask of what lies behind the end: (Batch,) -> (Batch, size)."""
    return torch.arange(size, device=lengths.device) >= lengths[:, None]
