import numpy as np
import pytest
import soxr
import torch

from espnet_samos.audio.resampling import MAX_TERM, resample_tensor


def decibels(error, signal):
    return 10 * np.log10(np.square(error).sum() / np.square(signal).sum())


@pytest.mark.parametrize(
    "fs, bound",
    [
        (8000, -125),
        (22050, -70),
        (24000, -125),
        (32000, -125),
        (44100, -70),
        (48000, -125),
    ],
)
def test_as_soxr_below_the_transition(fs, bound):
    noise = np.random.default_rng(0).standard_normal(3 * fs).astype(np.float32)
    expected = soxr.resample(noise.astype(np.float64), fs, 16000, quality="HQ")
    resampled = resample_tensor(torch.from_numpy(noise)[None], fs, 16000)[0].numpy()
    assert len(resampled) == len(expected) == 48000
    window = np.hanning(48000)
    spectrum, wanted = (np.fft.rfft(window * x) for x in (resampled, expected))
    passed = np.fft.rfftfreq(48000, 1 / 16000) < 0.9 * min(fs, 16000) / 2
    assert decibels(np.abs(spectrum - wanted)[passed], np.abs(wanted[passed])) < bound


@pytest.mark.parametrize(
    "fs, target_fs, bound",
    [
        (48000, 16000, -80),
        (24000, 16000, -80),
        (16000, 48000, -80),
        (24000, 48000, -70),
        (8000, 48000, -55),
        (44100, 16000, -55),
        (44100, 48000, -55),
    ],
)
def test_as_soxr_with_the_edge_of_the_filter(fs, target_fs, bound):
    noise = np.random.default_rng(0).standard_normal(fs)
    expected = soxr.resample(noise, fs, target_fs, quality="HQ")
    resampled = resample_tensor(torch.from_numpy(noise)[None], fs, target_fs)[0].numpy()
    inside = slice(1000, -1000)
    error = (resampled - expected)[inside]
    assert decibels(error, expected[inside]) < bound


@pytest.mark.parametrize("fs, target_fs", [(44101, 48000), (95999, 16000)])
def test_rates_that_share_no_factor_cost_little_more(fs, target_fs):
    """The whole kernel of 44.1 and 48 kHz, but for one Hz, would have 17 GB."""
    assert max(fs, target_fs) > MAX_TERM
    tone = np.sin(2 * np.pi * 1000 / fs * np.arange(2 * fs))
    resampled = resample_tensor(torch.from_numpy(tone)[None], fs, target_fs)[0].numpy()
    assert len(resampled) == 2 * target_fs
    expected = np.sin(2 * np.pi * 1000 / target_fs * np.arange(2 * target_fs))
    inside = slice(1000, -1000)
    # a hundred-thousandth of 2 s is 20 µs
    assert decibels((resampled - expected)[inside], expected[inside]) < -20


@pytest.mark.parametrize("frequency", [8100, 9000, 15000, 23000])
def test_nothing_from_above_is_folded_down(frequency):
    tone = torch.sin(2 * np.pi * frequency / 48000 * torch.arange(96000.0).double())
    resampled = resample_tensor(tone[None], 48000, 16000)[0, 4000:-4000].numpy()
    assert decibels(resampled, tone[:24000].numpy()) < -100


def test_autocast_does_not_round():
    noise = torch.randn(1, 4800)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        resampled = resample_tensor(noise, 48000, 16000)
    assert torch.equal(resampled, resample_tensor(noise, 48000, 16000))


def test_length_is_rounded_up():
    assert resample_tensor(torch.randn(1, 4801), 48000, 16000).shape == (1, 1601)
