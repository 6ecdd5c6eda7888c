"""Power spectra, in a form that ONNX Runtime computes fast as well."""

import math

import torch
import torch.nn.functional as F


class PowerSpectrum(torch.nn.Module):
    """Power of an STFT with a periodic Hann window, silence around the waveform.

    Exported, it is two matrix products, of the even and of the odd part of each frame:
    ONNX Runtime's own STFT takes three times as long.

    Args:
        n_fft: FFT length in samples.
        win_length: Length of the window in samples, even.
        hop_length: Hop between frames in samples.
        num_bins: How many bins, from 0 Hz on, at most n_fft // 2 + 1.
    """

    def __init__(self, n_fft: int, win_length: int, hop_length: int, num_bins: int):
        super().__init__()
        self.n_fft = n_fft
        self.win_length = win_length
        self.hop_length = hop_length
        self.num_bins = num_bins

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Compute the power: (Batch, NSamples) -> (Batch, NFrames, num_bins).

        NFrames = NSamples // hop_length + 1; frames are centred.
        """
        if torch.compiler.is_exporting():
            return self._by_matrices(waveforms)
        spectrum = torch.stft(
            waveforms,
            n_fft=self.n_fft,
            hop_length=self.hop_length,
            win_length=self.win_length,
            window=torch.hann_window(self.win_length, device=waveforms.device),
            center=True,
            pad_mode="constant",
            return_complex=True,
        )[:, : self.num_bins]
        return (spectrum.real.square() + spectrum.imag.square()).transpose(1, 2)

    def _by_matrices(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Compute the same by matrices; a frame's place changes no power."""
        half = self.win_length // 2
        frames = self._frames(F.pad(waveforms, (half, half)))
        # from the middle of each frame on, both ways: the window's first sample is 0
        after = frames[..., half:]
        before = F.pad(frames[..., 1:half].flip(-1), (1, 0))
        window = torch.hann_window(self.win_length)[half:, None]
        place, k = torch.arange(half), torch.arange(self.num_bins)
        # within a turn, where float32 is exact enough
        angle = 2 * torch.pi / self.n_fft * (torch.outer(place, k) % self.n_fft)
        real = (after + before) @ (window * angle.cos())
        imaginary = (after - before) @ (window * angle.sin())
        return real.square() + imaginary.square()

    def _frames(self, padded: torch.Tensor) -> torch.Tensor:
        """(Batch, NSamples) -> (Batch, NFrames, win_length), of whole blocks."""
        size = math.gcd(self.win_length, self.hop_length)
        step = self.hop_length // size
        num_blocks = self.win_length // size
        num_frames = (padded.shape[1] - self.win_length) // self.hop_length + 1
        used = (num_frames - 1) * self.hop_length + self.win_length
        # (Batch, NSamples) -> (Batch, NBlocks, size)
        blocks = padded[:, :used].unflatten(1, (-1, size))
        last = (num_frames - 1) * step + 1
        return torch.cat(
            [blocks[:, i : i + last : step] for i in range(num_blocks)], dim=-1
        )
