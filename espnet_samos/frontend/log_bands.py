"""Levels of frequency bands, relative to the loud frames of a window."""

from typing import Tuple, Union

import humanfriendly
import numpy as np
import torch
from espnet2.asr.frontend.abs_frontend import AbsFrontend

from espnet_samos.frontend.level import loud_power, remove_dc
from espnet_samos.frontend.power_spectrum import PowerSpectrum

WINDOW_SECONDS = 0.02
# Above, files of 44.1 kHz and music codecs at high rates differ, and nobody hears it.
HIGHEST_HZ = 20000.0
# Below is DC, and what microphones rumble.
LOWEST_HZ = 80.0
SPLIT_HZ = 8000.0
SILENCE = 0.12  # a frame in which no band is higher is one of silence


class LogBandsFrontend(AbsFrontend):
    """Levels of bands up to 20 kHz in dB, 0 at a floor and about 1 in loud frames.

    What nobody hears does not change them: the level of a clip, DC, and the rounding
    noise of 16 bit, which the log spectrogram of SA-SSL-MOS shows wherever a band is
    empty. Levels are relative to those of the window's loud frames, with a floor so
    many dB below. A frame of silence is 0 in all bands.

    Args:
        fs: Sampling rate of the input: 48000 or "48k".
        hop_length: Hop between frames in samples.
        low_bands: Bands of equal width in mel from 80 Hz to 8 kHz.
        high_bands: Bands of equal width in Hz from 8 to 20 kHz.
        floor_db: The floor, in dB re the loud frames.

    Raises:
        ValueError: The bands reach above half of the rate, or the floor is not below 0.
    """

    def __init__(
        self,
        fs: Union[int, str] = 48000,
        hop_length: int = 480,
        low_bands: int = 56,
        high_bands: int = 16,
        floor_db: float = -64.0,
    ):
        super().__init__()
        fs = humanfriendly.parse_size(fs) if isinstance(fs, str) else fs
        if fs < 2 * HIGHEST_HZ:
            raise ValueError(
                f"log_bands needs a rate of at least 40 kHz, for bands up to 20 kHz, "
                f"not {fs} Hz"
            )
        if floor_db >= 0:
            raise ValueError(f"floor_db is {floor_db}: give less than 0")
        self.hop_length = hop_length
        self.floor_db = floor_db
        win_length = 2 * round(WINDOW_SECONDS * fs / 2)
        n_fft = 2 ** (win_length - 1).bit_length()
        filters = _filters(_edges(low_bands, high_bands), n_fft, fs)
        self.spectrum = PowerSpectrum(n_fft, win_length, hop_length, filters.shape[1])
        self.register_buffer("filters", filters, persistent=False)

    def output_size(self) -> int:
        """Return the number of bands."""
        return len(self.filters)

    def ignores_silence(self, num_samples: int) -> bool:
        """Return True: silence after a clip changes none of its frames."""
        return True

    def forward(
        self, input: torch.Tensor, input_lengths: torch.Tensor
    ) -> Tuple[torch.Tensor, torch.Tensor]:
        """Compute the levels.

        Args:
            input: Waveforms (Batch, NSamples).
            input_lengths: (Batch,) in samples.

        Returns:
            Levels, from 0 at the floor, float32, (Batch, NFrames, NBands), with
            NFrames = NSamples // hop_length + 1, and the lengths (Batch,).
        """
        # (Batch, NSamples) -> (Batch, NFrames, NBins) -> (Batch, NFrames, NBands)
        power = self.spectrum(remove_dc(input.float())) @ self.filters.T
        # (Batch, NFrames, NBands) -> (Batch, 1, 1)
        loud = loud_power(power.sum(dim=-1))[..., None]
        floor = 10 ** (self.floor_db / 10)
        levels = 10 * torch.log10(power / (loud + 1e-12) + floor)
        feats = 1 - levels / self.floor_db
        silent = feats.amax(dim=-1, keepdim=True) < SILENCE
        return feats.masked_fill(silent, 0.0), input_lengths // self.hop_length + 1


def _edges(low_bands: int, high_bands: int) -> np.ndarray:
    """Return the bands' edges in Hz: (NBands + 1,)."""
    low, high = 2595 * np.log10(1 + np.array([LOWEST_HZ, SPLIT_HZ]) / 700)
    mel = np.linspace(low, high, low_bands + 1)
    linear = np.linspace(SPLIT_HZ, HIGHEST_HZ, high_bands + 1)
    return np.concatenate([700 * (10 ** (mel / 2595) - 1), linear[1:]])


def _filters(edges: np.ndarray, n_fft: int, fs: int) -> torch.Tensor:
    """Return how much of each bin lies within each band: (NBands, NBins).

    Bins above the last band are left out.
    """
    bins = np.fft.rfftfreq(n_fft, 1 / fs)
    half = bins[1] / 2
    bins = bins[bins - half < edges[-1]]
    top = np.minimum(bins + half, edges[1:, None])
    bottom = np.maximum(bins - half, edges[:-1, None])
    return torch.from_numpy(np.clip(top - bottom, 0, None) / (2 * half)).float()
