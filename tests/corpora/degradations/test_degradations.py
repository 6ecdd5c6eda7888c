"""What each degradation does, on signals where it can be measured."""

import numpy as np
import pytest
import scipy.signal

from espnet_samos.corpora.degradations import (
    amplitude,
    bandwidth,
    losses,
    noise,
    resynthesis,
    rooms,
)
from tests.tiny_model import speechlike

FS = 16000


@pytest.fixture
def speech():
    return speechlike(4.0, FS).astype(np.float64)


@pytest.fixture
def rng():
    return np.random.default_rng(1)  # the speech has another seed


def decibels(ratio):
    return 10 * np.log10(ratio)


@pytest.mark.parametrize(
    "degrade",
    [
        lambda x, rng: noise.add(x, FS, rng, np.sin(np.arange(5000.0)), 12) - x,
        lambda x, rng: noise.hum(x, FS, rng, 12) - x,
        lambda x, rng: noise.clicks(x, FS, rng, 5, 12) - x,
        lambda x, rng: noise.mnru(x, FS, rng, 12) - x,
    ],
)
def test_disturbances_have_their_level(speech, rng, degrade):
    added = degrade(speech, rng)
    snr = decibels(np.mean(speech**2) / np.mean(added**2))
    assert snr == pytest.approx(12, abs=0.3)


def test_mnru_follows_the_speech_and_stays_in_its_band(speech, rng):
    quiet = speech * np.linspace(0.01, 1, len(speech))
    added = noise.mnru(quiet, FS, rng, 10) - quiet
    for part in (slice(0, 16000), slice(-16000, None)):
        ratio = decibels(np.mean(quiet[part] ** 2) / np.mean(added[part] ** 2))
        assert ratio == pytest.approx(10, abs=0.5)
    frequencies, power = scipy.signal.welch(noise.mnru(speech, FS, rng, 10, 3), FS)
    assert power[frequencies > 4500].sum() < 0.02 * power.sum()


def test_hum_has_lines_at_multiples_of_the_mains(speech, rng):
    added = noise.hum(speech, FS, rng, 10, mains_hz=60) - speech
    spectrum = np.abs(np.fft.rfft(added)) ** 2
    lines = np.zeros(len(spectrum), dtype=bool)
    lines[(60 * np.arange(1, 20) * len(added) / FS).astype(int)] = True
    assert spectrum[lines].sum() > 0.999 * spectrum.sum()


def test_echo_comes_back_as_told(rng):
    impulse = np.zeros(FS)
    impulse[0] = 1
    once = rooms.talker_echo(impulse, FS, rng, delay_ms=100, gain=0.3)
    expected = np.zeros(FS)
    expected[[0, 1600]] = 1, 0.3
    np.testing.assert_allclose(once, expected, atol=1e-12)
    again = rooms.talker_echo(impulse, FS, rng, 100, 0.3, feedback=0.5)
    np.testing.assert_allclose(
        again[[0, 1600, 3200, 4800]], [1, 0.3, 0.15, 0.075], atol=1e-12
    )


@pytest.mark.parametrize("rate", [1, 6])
def test_chopping_silences_repeats_or_deletes(speech, rate):
    def chopped(mode):
        return losses.chop(speech, FS, np.random.default_rng(1), 40, rate, mode)

    silenced, repeated, shorter = map(chopped, ("silence", "repeat", "delete"))
    gaps = (silenced == 0) & (speech != 0)
    lost = 0.04 * rate * len(speech)
    assert gaps.sum() == pytest.approx(lost, rel=0.6)
    assert len(speech) - len(shorter) == pytest.approx(gaps.sum(), abs=640)
    np.testing.assert_array_equal(silenced[~gaps], speech[~gaps])
    changed = np.flatnonzero(repeated != speech)
    assert set(changed) <= set(np.flatnonzero(gaps | (speech == 0)))
    np.testing.assert_array_equal(repeated[changed], speech[changed - 640])
    with pytest.raises(ValueError, match="no mode 'twice'"):
        chopped("twice")


def test_concealment_leaves_no_gap_and_loses_its_share(speech, rng):
    for percent, burst in ((5, 1), (20, 3)):
        y = losses.concealed_loss(speech, FS, rng, percent, burst)
        frames = (y != speech)[320:].reshape(-1, 320).any(axis=1)
        assert frames.mean() == pytest.approx(percent / 100, rel=0.6)
        lengths = np.diff(np.flatnonzero(np.diff(np.r_[0, frames, 0])))[::2]
        assert lengths.mean() == pytest.approx(burst, rel=0.5)
        # no step where a repeated frame begins
        assert np.abs(np.diff(y)).max() <= 1.2 * np.abs(np.diff(speech)).max()


def test_gain_stays_within_its_range(speech, rng):
    y = amplitude.gain_steps(speech, FS, rng, rate=3, range_db=12)
    loud = np.abs(speech) > 1e-3
    gain = 20 * np.log10(np.abs(y[loud] / speech[loud]))
    assert gain.min() >= -12.01 and gain.max() <= 0.01 and np.ptp(gain) > 3


def test_wow_changes_the_speed_by_its_percentage(rng):
    tone = np.sin(2 * np.pi * 500 * np.arange(2 * FS) / FS)
    y = amplitude.wow(tone, FS, rng, rate=2, percent=3)
    phase = np.unwrap(np.angle(scipy.signal.hilbert(y)))
    frequency = np.diff(phase)[2000:-2000] * FS / (2 * np.pi)
    assert frequency.max() == pytest.approx(515, abs=3)
    assert frequency.min() == pytest.approx(485, abs=3)


def test_suppression_leaves_less_noise_than_there_was(speech, rng):
    y = resynthesis.noise_suppression(speech, FS, rng, snr_db=10)
    error = np.mean((y - speech) ** 2)
    assert 0.001 < error / np.mean(speech**2) < 0.1  # of the noise, -10 dB


def test_smearing_and_random_phases_keep_the_long_term_spectrum(speech, rng):
    _, before = scipy.signal.welch(speech, FS, nperseg=256)
    for degrade in (
        lambda share: resynthesis.randomise_phases(speech, FS, rng, share=share),
        lambda share: resynthesis.smear(
            speech, FS, rng, frames=1 + round(8 * share), bins=1 + round(8 * share)
        ),
    ):
        little, much = degrade(0.1), degrade(1.0)
        assert np.mean((little - speech) ** 2) < np.mean((much - speech) ** 2)
        _, after = scipy.signal.welch(much, FS, nperseg=256)
        loud = before > before.max() / 100
        assert np.abs(decibels(after[loud] / before[loud])).mean() < 1


def test_resampling_there_and_back_keeps_the_band(speech):
    low = bandwidth.band_filter(speech, FS, None, "lowpass", (3,))
    back = bandwidth.at_rate(bandwidth.at_rate(low, FS, 8000), 8000, FS)
    np.testing.assert_allclose(back[500:-500], low[500:-500], atol=1e-3)
