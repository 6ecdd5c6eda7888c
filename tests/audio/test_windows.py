"""The one cutter of windows: over random rates, lengths and blocks."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from espnet_samos.audio.clip_ends import sound_bounds
from espnet_samos.audio.preprocessor import MosPreprocessor
from espnet_samos.audio.reading import AudioError
from espnet_samos.audio.resampling import resample
from espnet_samos.audio.window_times import window_starts
from espnet_samos.audio.windows import cut_windows

BRANCHES = {"speech_16k": 16000, "speech_48k": 48000}
RATES = st.one_of(
    st.sampled_from([8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 96000]),
    st.integers(8000, 96000),
)


def noise(num_samples, seed=0, level=0.1):
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal(num_samples)).astype(np.float32)


def both(found, expected, name):
    """The samples of two windows at a rate."""
    return found.data[name], expected.data[name]


def blocks(samples, sizes):
    """Divide a clip into blocks of these sizes, over and over."""
    start = i = 0
    while start < len(samples):
        yield samples[start : start + sizes[i % len(sizes)]]
        start += sizes[i % len(sizes)]
        i += 1


@settings(max_examples=40, deadline=None)
@given(
    fs=RATES,
    seconds=st.floats(0.1, 4.0),
    window=st.sampled_from([1.0, 1.5]),
    hop=st.sampled_from([0.25, 0.5, 1.0]),
    sizes=st.lists(st.integers(1, 20000), min_size=1, max_size=3),
)
def test_windows_are_parts_of_the_clip_resampled_whole(fs, seconds, window, hop, sizes):
    clip = noise(int(seconds * fs) + 1)
    cut = list(cut_windows(blocks(clip, sizes), fs, BRANCHES, window, hop))
    duration = len(clip) / fs
    assert [w.start for w in cut] == window_starts(duration, window, hop)
    for name, rate in BRANCHES.items():
        whole = resample(clip, fs, rate)
        num_samples = round(window * rate)
        for w in cut:
            assert w.data[name].shape == (num_samples,)
            first = min(round(w.start * rate), max(0, len(whole) - num_samples))
            expected = np.resize(whole[first:], num_samples)
            np.testing.assert_allclose(w.data[name], expected, atol=1e-7)


@given(duration=st.floats(0.1, 100), window=st.floats(0.5, 10), parts=st.integers(1, 8))
def test_starts_cover_the_clip(duration, window, parts):
    hop = window / parts
    starts = window_starts(duration, window, hop)
    assert starts[0] == 0.0
    assert starts[-1] == pytest.approx(max(0.0, duration - window), abs=1e-6)
    steps = np.diff(starts)
    assert np.all(steps > 0) and np.all(steps <= hop * (1 + 1e-6) + 1e-6)
    np.testing.assert_allclose(steps[:-1], hop, rtol=1e-9)
    assert window_starts(duration, window, hop, "first") == [0.0]


def test_the_first_window_alone_reads_the_clip_to_its_end():
    clip, fs = noise(5 * 24000), 24000
    seen = []

    def watched():
        for block in blocks(clip, [fs]):
            seen.append(len(block))
            yield block

    (first,) = cut_windows(watched(), fs, BRANCHES, 1.0, windows="first")
    expected, *_ = cut_windows([clip], fs, BRANCHES, 1.0)
    np.testing.assert_array_equal(first.data["speech_48k"], expected.data["speech_48k"])
    assert sum(seen) == len(clip)


@pytest.mark.parametrize("seconds", [0.5, 0.97, 1.0, 1.03, 2.4])
@pytest.mark.parametrize("level, silent", [(0.99e-3, True), (1.01e-3, False)])
def test_one_rule_for_silence_at_any_length(seconds, level, silent):
    tone = np.sin(2 * np.pi * 1000 / 48000 * np.arange(int(seconds * 48000)))
    clip = (level * np.sqrt(2) * tone).astype(np.float32)
    cut = list(cut_windows([clip], 48000, BRANCHES, 1.0))
    assert {window.silent for window in cut} == {silent}


@pytest.mark.parametrize("fs", [8000, 22050, 48000])
def test_a_short_clip_is_padded_where_that_is_asked_for(fs):
    clip = noise(round(0.7 * fs))
    clip -= clip.mean()
    (window,) = cut_windows([clip], fs, BRANCHES, 1.0, pad_short_clips=True)
    assert (window.start, window.end) == pytest.approx((0.0, 0.7), abs=1e-4)
    for name, rate in BRANCHES.items():
        expected = resample(clip, fs, rate)
        samples = window.data[name]
        assert len(samples) == rate
        np.testing.assert_allclose(samples[: len(expected)], expected, atol=1e-6)
        assert (samples[len(expected) :] == 0).all()
    # what does not have to be filled is not changed
    for seconds in (1.0, 2.3):
        clip = noise(round(seconds * fs))
        clip -= clip[:fs].mean()
        padded = list(cut_windows([clip], fs, BRANCHES, 1.0, pad_short_clips=True))
        for found, expected in zip(
            padded, cut_windows([clip], fs, BRANCHES, 1.0), strict=True
        ):
            for name in BRANCHES:
                np.testing.assert_allclose(*both(found, expected, name), atol=1e-6)
            assert found[:2] == expected[:2] and found[3:] == expected[3:]


@settings(max_examples=20, deadline=None)
@given(
    fs=RATES,
    seconds=st.floats(0.3, 4.0),
    offset=st.floats(-0.5, 0.5),
    sizes=st.lists(st.integers(64, 20000), min_size=1, max_size=3),
)
def test_a_dc_offset_changes_no_sample(fs, seconds, offset, sizes):
    def cut(samples):
        parts = blocks(samples.astype(np.float32), sizes)
        return list(cut_windows(parts, fs, BRANCHES, 1.0, 0.5, pad_short_clips=True))

    clip = noise(int(seconds * fs))
    for expected, window in zip(cut(clip), cut(clip + offset), strict=True):
        assert window[:2] == expected[:2] and window[3:] == expected[3:]
        for name in BRANCHES:
            np.testing.assert_allclose(*both(window, expected, name), atol=1e-6)


@pytest.mark.parametrize("pad", [False, True])
@pytest.mark.parametrize("seconds", [0.6, 1.0, 1.5])
def test_sound_is_the_share_of_time_that_is_heard(seconds, pad):
    clip = noise(round(seconds * 48000))
    clip[: 48000 // 4] *= 1e-3 * 0.5 / np.sqrt(np.mean(np.square(clip)))
    first, *_ = cut_windows([clip], 48000, BRANCHES, 1.0, pad_short_clips=pad)
    assert first.sound == pytest.approx(1 - 0.25 / min(seconds, 1.0), abs=0.04)


@pytest.mark.parametrize(
    "clip, fs, message",
    [
        (noise(0), 16000, "empty"),
        (noise(320), 16000, "20 ms"),
        (np.full(48000, np.nan, np.float32), 16000, "48000 samples are NaN"),
        (noise(8000), 4000, "4000 Hz"),
    ],
)
def test_what_has_no_windows_is_refused(clip, fs, message):
    with pytest.raises(AudioError, match=message):
        list(cut_windows([clip], fs, BRANCHES, 1.0))


@settings(max_examples=20, deadline=None)
@given(fs=st.sampled_from([16000, 22050, 24000, 44100, 48000]), seed=st.integers(0, 99))
def test_a_random_window_has_the_samples_of_the_clip_resampled_whole(fs, seed):
    clip = noise(4 * fs, seed)
    np.random.seed(seed)
    train = MosPreprocessor(train=True, window_seconds=1.0, random_window=True)
    data = train("utt", dict(speech=clip, fs=np.array([fs])))
    places = []
    for name, rate in BRANCHES.items():
        whole = resample(clip, fs, rate)
        # where the window is in it
        match = np.correlate(whole, data[name][: rate // 20], "valid")
        first = int(match.argmax())
        np.testing.assert_allclose(data[name], whole[first : first + rate], atol=1e-6)
        places.append(first / rate)
    assert places[0] == places[1]


@settings(max_examples=40, deadline=None)
@given(
    fs=RATES.map(lambda fs: fs // 50 * 50),
    seconds=st.floats(0.3, 4.0),
    before=st.integers(0, 150).map(lambda frames: frames / 50),
    pause=st.floats(0, 3.0),
    after=st.floats(0, 3.0),
    offset=st.sampled_from([0.0, 0.01]),
    dither=st.integers(0, 2),
    sizes=st.lists(st.integers(64, 20000), min_size=1, max_size=3),
)
def test_silence_around_a_clip_is_left_out_where_it_may_follow(
    fs, seconds, before, pause, after, offset, dither, sizes
):
    def cut(samples):
        parts = blocks(samples.astype(np.float32), sizes)
        return list(cut_windows(parts, fs, BRANCHES, 1.0, 0.5, pad_short_clips=True))

    half = noise(int(seconds * fs / 2))
    clip = np.concatenate([half, np.zeros(int(pause * fs)), half])
    ends = [np.zeros(round(t * fs)) for t in (before, after)]
    padded = np.concatenate([ends[0], clip, ends[1]]) + offset
    steps = np.random.default_rng(0).integers(-dither, dither + 1, len(padded))
    padded += steps / 32768
    first, end = sound_bounds(padded.astype(np.float32), fs)
    assert first == len(ends[0])
    end_of_clip = first + len(clip)
    if dither == 0:
        # one sample alone in a frame is no silence
        assert end - end_of_clip in (0, 1)
    else:
        # dither in what is less than a frame is left
        assert end_of_clip - 2 <= end <= min(len(padded), end_of_clip + 2 * fs // 50)
    kept = padded[first:end]
    # two samples of dither at its end can be the same
    assume(sound_bounds(kept.astype(np.float32), fs) == (0, len(kept)))
    for expected, window in zip(cut(kept), cut(padded), strict=True):
        assert window.start == pytest.approx(expected.start + before)
        assert window.end == pytest.approx(expected.end + before)
        for name in BRANCHES:
            np.testing.assert_allclose(*both(window, expected, name), rtol=0, atol=1e-6)


@pytest.mark.parametrize("fs", [8000, 11025, 44100])
def test_the_beginning_moves_by_whole_frames(fs):
    clip = noise(fs)
    for before in (1, fs // 60, fs // 45, fs // 30):
        padded = np.pad(clip, (before, 0))
        first, end = sound_bounds(padded, fs)
        assert first == (0 if before < fs / 50 else int(fs / 50)) and end == len(padded)
        (window,) = cut_windows([padded], fs, BRANCHES, 2.0, pad_short_clips=True)
        (kept,) = cut_windows([padded[first:]], fs, BRANCHES, 2.0, pad_short_clips=True)
        assert window.start == first / fs
        np.testing.assert_allclose(*both(window, kept, "speech_16k"), atol=1e-6)


def test_a_clip_of_silence_alone_is_one_silent_window():
    for seconds in (0.2, 1.0, 5.5):
        silence = np.full(int(seconds * 16000), 0.25, dtype=np.float32)
        assert sound_bounds(silence, 16000) == (0, len(silence))
        (window,) = cut_windows(
            blocks(np.zeros_like(silence), [700]),
            *(16000, BRANCHES, 1.0),
            pad_short_clips=True,
        )
        assert window.silent and window.end == min(seconds, 1.0)


def test_training_has_the_first_window_of_scoring():
    fs = 24000
    clip = np.concatenate([np.zeros(2 * fs), noise(3 * fs), np.zeros(fs)])
    preprocess = MosPreprocessor(train=True, window_seconds=2.0, pad_short_clips=True)
    trained = preprocess("a", dict(speech=clip, fs=np.array([fs])))
    scored = next(
        cut_windows([clip.astype(np.float32)], fs, BRANCHES, 2.0, pad_short_clips=True)
    )
    for name in BRANCHES:
        np.testing.assert_allclose(trained[name], scored.data[name], atol=1e-7)
