import numpy as np
import pytest
import scipy.signal

from espnet_samos.audio.resampling import resample
from espnet_samos.corpora.degradations import noise, rooms
from espnet_samos.corpora.mini.systems import SYSTEMS, UNSEEN_SYSTEMS, system_rate

ALL_SYSTEMS = {**SYSTEMS, **UNSEEN_SYSTEMS}


def at_rate(reference, system, seed=0):
    """A system's input and output."""
    fs = system_rate(system)
    x = resample(reference, 48000, fs).astype(float)
    return x, ALL_SYSTEMS[system](x, fs, np.random.default_rng(seed)), fs


def power_db(x, fs, low, high):
    frequencies, power = scipy.signal.welch(x, fs, nperseg=1024)
    return 10 * np.log10(power[(frequencies >= low) & (frequencies < high)].sum())


@pytest.mark.parametrize("system", ALL_SYSTEMS)
def test_system_keeps_time_and_repeats_itself(reference, system):
    x, y, fs = at_rate(reference, system)
    assert y.shape == x.shape and np.isfinite(y).all()
    assert np.array_equal(y, at_rate(reference, system)[1])
    # Envelopes tell the delay of vocoders too, which do not keep the waveform
    frame = fs // 200
    smooth = np.hanning(2 * frame)
    a, b = (np.convolve(np.abs(v), smooth, mode="same") for v in (x, y))
    correlation = scipy.signal.correlate(b - b.mean(), a - a.mean(), method="fft")
    assert abs(int(np.argmax(correlation)) - len(x) + 1) <= frame
    if "griffinlim" not in system and "vocoder" not in system:
        correlation = scipy.signal.correlate(y, x, method="fft")
        assert abs(int(np.argmax(correlation)) - len(x) + 1) <= 1
    if "clean" not in system:
        assert not np.allclose(y, x, atol=1e-4)


@pytest.mark.parametrize("slope_db, snr_db", [(0, 10), (-3, 25), (-6, 0)])
def test_noise_has_its_level_and_slope(reference, slope_db, snr_db):
    rng = np.random.default_rng(0)
    added = noise.coloured(reference, 48000, rng, snr_db, slope_db) - reference
    snr = 10 * np.log10(np.mean(reference**2) / np.mean(added**2))
    assert snr == pytest.approx(snr_db, abs=1e-6)
    # Two octaves apart, both an octave wide: bands double, so 3 dB are added each
    change = power_db(added, 48000, 8000, 16000) - power_db(added, 48000, 2000, 4000)
    assert change == pytest.approx(2 * (slope_db + 3), abs=0.5)


def test_filters_empty_their_bands(reference):
    for system, low, high in (
        ("48k_lowpass_8", 11000, 24000),
        ("16k_telephone", 4500, 8000),
        ("48k_bandstop_2", 2700, 3700),
    ):
        x, y, fs = at_rate(reference, system)
        assert power_db(y, fs, low, high) < power_db(x, fs, low, high) - 40
        assert power_db(y, fs, 500, 1500) == pytest.approx(
            power_db(x, fs, 500, 1500), abs=0.5
        )


def test_other_degradations_do_what_they_say(reference):
    x, y, _ = at_rate(reference, "48k_clipping_20")
    assert np.abs(y).max() == pytest.approx(0.2 * np.abs(x).max())
    x, y, _ = at_rate(reference, "48k_quantise_6")
    assert 2**5 < len(np.unique(y)) <= 2**6 + 1
    x, y, fs = at_rate(reference, "16k_loss_20")
    frames = (y[: len(y) // 320 * 320] == 0).reshape(-1, 320).all(axis=1)
    assert 0.1 < frames.mean() < 0.35
    assert np.array_equal(y[y != 0], x[y != 0])
    x, y, _ = at_rate(reference, "48k_fill_8")
    assert power_db(y, 48000, 9000, 23000) == pytest.approx(
        power_db(x, 48000, 9000, 23000) + 10, abs=2
    )
    # The echo of an impulse: half as loud every 150 ms
    impulse = np.zeros(24000)
    impulse[0] = 1
    y = rooms.echo(impulse, 48000, np.random.default_rng(0), delay_ms=150, gain=0.5)
    assert y[[0, 7200, 14400, 21600]] == pytest.approx([1, 0.5, 0.25, 0.125])
