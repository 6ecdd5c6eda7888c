import numpy as np
import pytest
import soxr
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import signal

from espnet_samos.audio.signal_report import SignalMonitor


def report(samples, fs, sizes=()):
    """Measure a clip that comes in blocks of these sizes and then the rest."""
    monitor = SignalMonitor(fs)
    samples = np.asarray(samples, dtype=np.float32)
    for size in sizes:
        monitor.update(samples[:size])
        samples = samples[size:]
    monitor.update(samples)
    return monitor.report()


def speechlike(seconds, fs, seed=0):
    """Noise with syllables and a falling spectrum, 16-bit as files have it."""
    rng = np.random.default_rng(seed)
    noise = signal.lfilter([1], [1, -0.9], rng.standard_normal(round(seconds * fs)))
    syllables = np.sin(np.pi * 4 * np.arange(len(noise)) / fs) ** 2
    clip = noise * syllables
    return np.round(clip / np.abs(clip).max() * 0.5 * 32768) / 32768


@settings(max_examples=20, deadline=None)
@given(
    fs=st.sampled_from([16000, 24000, 44100, 48000]),
    share=st.floats(0.1, 0.9),
    gain_db=st.floats(-20, 5),
)
def test_bandwidth_is_where_a_steep_filter_ends_at_any_level(fs, share, gain_db):
    cut = share * fs / 2
    sos = signal.ellip(12, 0.1, 100, cut, fs=fs, output="sos")
    clip = signal.sosfilt(sos, speechlike(2, fs)) * 10 ** (gain_db / 20)
    measured = report(clip, fs).bandwidth
    assert cut - 100 <= measured <= 1.1 * cut + 350  # bins, skirts


def test_an_upsampled_file_has_the_bandwidth_it_had():
    clip = soxr.resample(speechlike(2, 16000), 16000, 48000)
    result = report(clip, 48000)
    assert 7500 < result.bandwidth < 8200
    assert "nothing above" in result.warnings["bandwidth"]


def test_a_click_adds_no_bandwidth():
    sos = signal.ellip(12, 0.1, 100, 4000, fs=48000, output="sos")
    clip = signal.sosfilt(sos, speechlike(2, 48000))
    clip[30000] += 0.3
    assert report(clip, 48000).bandwidth < 4600


@settings(max_examples=10, deadline=None)
@given(sizes=st.lists(st.integers(0, 30000), max_size=6))
def test_blocks_make_no_difference(sizes):
    clip = speechlike(2.5, 22050)
    assert report(clip, 22050, sizes) == report(clip, 22050)


@settings(max_examples=30, deadline=None)
@given(num_samples=st.integers(0, 50000), fs=st.sampled_from([8000, 11025, 48000]))
@example(num_samples=48001, fs=48000)
@example(num_samples=0, fs=8000)
def test_any_length_will_do(num_samples, fs):
    clip = speechlike(2, fs) if num_samples else np.zeros(0)
    result = report(np.resize(clip, num_samples), fs)
    assert result.duration == num_samples / fs
    assert ("short" in result.warnings) == (num_samples < fs)


def test_a_good_clip_has_no_warnings():
    for fs in (8000, 16000, 48000, 96000):
        result = report(speechlike(2, fs), fs)
        assert result.warnings == {}
        assert result.duration == pytest.approx(2)
        assert result.bandwidth == pytest.approx(min(fs / 2, 48000), rel=0.03)


@pytest.mark.parametrize(
    "code, spoil",
    [
        ("short", lambda clip: clip[:20000]),
        ("silence", lambda clip: np.concatenate([clip, np.zeros(len(clip) + 4800)])),
        ("clipping", lambda clip: np.clip(clip, -0.2, 0.2)),
        ("clipping", lambda clip: 3 * np.clip(clip, -0.2, 0.2)),
        ("compressed", lambda clip: 0.3 * np.tanh(100 * clip)),
    ],
)
def test_what_is_wrong_is_found(code, spoil):
    assert code in report(spoil(speechlike(2, 48000)), 48000).warnings


def test_tops_of_a_sine_are_not_clipping():
    sine = 0.8 * np.sin(2 * np.pi * 100 * np.arange(96000) / 48000)
    assert "clipping" not in report(np.round(sine * 32768) / 32768, 48000).warnings


def test_silence_has_no_bandwidth():
    result = report(np.zeros(48000), 48000)
    assert result.bandwidth == 0 and set(result.warnings) == {"silence"}
