import numpy as np
import pytest
import torch

from espnet_samos.audio.resampling import resample
from espnet_samos.frontend.log_bands import LogBandsFrontend
from tests.tiny_model import speechlike


def bands(samples, **options):
    frontend = LogBandsFrontend(**options)
    feats, lengths = frontend(
        torch.from_numpy(np.asarray(samples, dtype=np.float32))[None],
        torch.tensor([len(samples)]),
    )
    assert feats.shape == (1, len(samples) // frontend.hop_length + 1, 72)
    assert lengths.tolist() == [feats.shape[1]]
    return feats[0]


@pytest.fixture(scope="module")
def speech():
    return speechlike(2.0, 48000)


def test_what_nobody_hears_does_not_change_them(speech):
    expected = bands(speech)
    rounded = np.round(0.01 * speech * 32768) / 32768
    narrow = resample(resample(speech, 48000, 16000), 16000, 48000)
    for samples, reference in (
        (0.01 * speech, expected),
        (speech + 0.01, expected),
        (rounded, expected),
        # rounding noise in an empty band is below the floor
        (np.round(0.1 * narrow * 32768) / 32768, bands(narrow)),
    ):
        # 0.015 is 1 dB
        assert (bands(samples) - reference).abs().mean() < 0.015
    through_44100 = resample(resample(speech, 48000, 44100), 44100, 48000)
    inner = slice(5, -5)
    difference = bands(through_44100)[inner] - expected[inner]
    assert difference.abs().max() < 0.015


def test_levels_are_decibels_of_each_band():
    time = np.arange(48000) / 48000
    quiet, loud = (
        a * np.sin(2 * np.pi * f * time) for a, f in ((0.003, 12100), (0.3, 500))
    )
    feats = bands(quiet + loud)[10:-10].mean(dim=0)
    high = feats[56:].argmax().item()
    # 8 kHz and 750 Hz a band
    assert 8000 + 750 * high < 12100 < 8000 + 750 * (high + 1)
    power = 10 ** (6.4 * (feats - 1))
    # narrow bands share a tone
    assert 10 * power[:56].sum().log10() == pytest.approx(0, abs=0.3)
    assert 10 * power[56:].sum().log10() == pytest.approx(-40, abs=0.4)


def test_an_empty_band_and_silence_are_zero(speech):
    narrow = resample(resample(speech, 48000, 16000), 16000, 48000)
    assert bands(narrow)[5:-5, 58:].max() < 0.01
    feats = bands(np.concatenate([speech, np.zeros(48000)]))
    assert (feats[205:] == 0).all() and (feats[5:195] != 0).any(dim=1).all()
    assert (bands(np.zeros(9600)) == 0).all()


def test_wrong_options_are_named():
    with pytest.raises(ValueError, match="at least 40 kHz.*not 16000"):
        LogBandsFrontend(fs="16k")
    with pytest.raises(ValueError, match="floor_db is 3"):
        LogBandsFrontend(floor_db=3)
