import numpy as np
import pytest

from espnet_samos.inference.spectrogram import SpectrogramMonitor


def spectrogram(samples, fs, blocks=None, **options):
    monitor = SpectrogramMonitor(fs, **options)
    for block in np.split(samples, blocks or []):
        monitor.update(block.astype(np.float32))
    return monitor.spectrogram()


def tone(frequency, seconds, fs, level_db=0.0):
    time = np.arange(round(seconds * fs)) / fs
    return 10 ** (level_db / 20) * np.sin(2 * np.pi * frequency * time)


@pytest.mark.parametrize("fs", [8000, 44100, 48000, 96000])
def test_a_tone_is_where_and_as_loud_as_it_is(fs):
    shown = spectrogram(tone(3000, 1.0, fs, -20), fs)
    middle = shown.level[:, 50:-50]
    assert np.argmax(middle, axis=0) * shown.bin_hz == pytest.approx(3000, abs=50)
    assert middle.max(axis=0) == pytest.approx(-20, abs=1.5)
    assert middle[round(1000 / shown.bin_hz)].max() < -80
    # up to half the rate, and no higher than 24 kHz
    assert (shown.level.shape[0] - 1) * shown.bin_hz == min(fs / 2, 24000)


def test_a_click_is_when_it_is():
    for where in (0.0, 0.4, 0.9999):
        samples = np.zeros(16000)
        samples[int(where * 16000)] = 1
        shown = spectrogram(samples, 16000)
        assert shown.level.shape[1] == 200 and shown.duration == 1.0
        loudest = np.argmax(shown.level.sum(axis=0)) * shown.column_seconds
        assert loudest == pytest.approx(where, abs=0.01)


def test_blocks_do_not_matter():
    samples = np.random.default_rng(0).uniform(-1, 1, 44100 * 3 + 77)
    whole = spectrogram(samples, 44100)
    cut = spectrogram(samples, 44100, [1, 2, 100, 44100, 90001])
    assert cut.level == pytest.approx(whole.level, abs=1e-3)


def test_a_long_clip_has_few_columns_that_are_means_of_many():
    rng = np.random.default_rng(0)
    quiet, loud = (gain * rng.standard_normal(8000 * 20) for gain in (0.01, 0.1))
    samples = np.concatenate([quiet, loud, quiet[:80000]])
    few = spectrogram(samples, 8000, max_columns=100)
    # 10 000 frames: 128 of them in a column
    assert few.level.shape == (81, 79)
    assert few.column_seconds == pytest.approx(0.64)
    many = spectrogram(samples, 8000, max_columns=20000)
    power, all_power = ((10 ** (s.level / 10)).mean(axis=0) for s in (few, many))
    assert many.level.shape[1] == 10000
    for column in (0, 40, 78):  # the last one is not full
        frames = all_power[column * 128 : (column + 1) * 128]
        assert power[column] == pytest.approx(frames.mean(), rel=1e-3)
    ratio = few.level[5:75, 40].mean() - few.level[5:75, 10].mean()
    assert ratio == pytest.approx(20, abs=0.5)


def test_memory_does_not_grow():
    monitor = SpectrogramMonitor(8000, max_columns=10)
    block = np.full(8000, 0.1, dtype=np.float32)
    for _ in range(60):
        monitor.update(block)
        assert monitor.power.shape == (10, 81) and len(monitor.rest) < 160
    assert monitor.spectrogram().level.shape[1] <= 10


@pytest.mark.parametrize("num_samples", [0, 1, 79, 81, 4000])
def test_very_short_clips(num_samples):
    shown = spectrogram(np.full(num_samples, 0.1), 16000)
    assert shown.level.shape == (161, -(-num_samples // 80))
    assert np.isfinite(shown.level).all()
