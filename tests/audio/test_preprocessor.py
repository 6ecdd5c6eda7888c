import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet_samos.audio.preprocessor import MosPreprocessor
from espnet_samos.audio.reading import AudioError
from espnet_samos.audio.resampling import resample


def make_data(fs, seconds, seed=0):
    """Noise below 4 kHz, which any rate can hold."""
    rng = np.random.default_rng(seed)
    samples = (0.1 * rng.standard_normal(int(8000 * seconds))).astype(np.float32)
    return dict(
        speech=resample(samples, 8000, fs), fs=np.array([fs]), mos=np.array([3.0])
    )


@settings(max_examples=20, deadline=None)
@given(
    fs=st.sampled_from([8000, 16000, 22050, 24000, 44100, 48000, 96000]),
    seconds=st.floats(0.1, 5),
)
def test_any_rate_and_length_gives_the_same_seconds_to_both_branches(fs, seconds):
    data = MosPreprocessor(train=False, window_seconds=2.0)(
        "utt", make_data(fs, seconds)
    )
    assert set(data) == {"speech_16k", "speech_48k", "mos"}
    assert data["speech_16k"].shape == (32000,)
    assert data["speech_48k"].shape == (96000,)
    assert data["speech_48k"].dtype == np.float32
    # What the 16 kHz branch sees is what the 48 kHz branch sees, below 8 kHz: up to
    # the end of the clip, where it begins anew in the middle of a wave.
    end = min(int(16000 * seconds), 32000) - 200
    both = np.stack(
        (data["speech_16k"], resample(data["speech_48k"], 48000, 16000)[:32000])
    )
    assert np.corrcoef(both[:, 200:end])[0, 1] > 0.99


def test_random_windows_are_for_training_only():
    data = make_data(16000, 5)
    conf = dict(window_seconds=1.0, random_window=True)
    first = MosPreprocessor(train=False, **conf)("utt", data)["speech_16k"]
    np.testing.assert_array_equal(first, data["speech"][:16000])

    np.random.seed(0)
    train = MosPreprocessor(train=True, **conf)
    random = [train("utt", data) for _ in range(3)]
    assert not np.array_equal(random[0]["speech_16k"], random[1]["speech_16k"])
    for window in random:
        shared = np.corrcoef(
            window["speech_16k"], resample(window["speech_48k"], 48000, 16000)[:16000]
        )
        assert shared[0, 1] > 0.99  # the same seconds


def test_branches_that_are_not_used_cost_nothing():
    only_ssl = MosPreprocessor(train=False, use_spectrogram=False)
    assert set(only_ssl("utt", make_data(16000, 1))) == {"speech_16k", "mos"}
    data = dict(make_data(16000, 1), ssl_feats=np.zeros((499, 4)))
    assert "speech_16k" not in MosPreprocessor(train=False)("utt", data)


def test_a_bad_clip_is_named():
    data = make_data(16000, 1)
    data["speech"] = np.stack((data["speech"], data["speech"]), axis=1)
    with pytest.raises(AudioError, match="utt7: 2 channels"):
        MosPreprocessor(train=False)("utt7", data)
    MosPreprocessor(train=False, multichannel="downmix")("utt7", data)
    with pytest.raises(AudioError, match="utt8: silent"):
        MosPreprocessor(train=False)(
            "utt8", dict(speech=np.zeros(16000), fs=np.array([16000]))
        )


BRANCHES = ("speech_16k", "speech_48k")
AUGMENT = dict(
    random_window=True, random_rotation=True, gain_db=[-3, 3], flip_polarity=0.5
)
SETTINGS = dict(max_examples=20, deadline=None)


def level_db(after, before):
    return 20 * np.log10(np.linalg.norm(after) / np.linalg.norm(before))


@settings(**SETTINGS)
@given(seconds=st.floats(0.2, 3), fs=st.sampled_from([8000, 22050, 48000]))
def test_outside_training_nothing_is_changed(seconds, fs):
    data = make_data(fs, seconds)
    plain = MosPreprocessor(train=False, window_seconds=1.0)("utt", data)
    augmented = MosPreprocessor(train=False, window_seconds=1.0, **AUGMENT)
    state = np.random.get_state()[1].copy()
    for name, expected in plain.items():
        np.testing.assert_array_equal(augmented("utt", data)[name], expected)
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_the_seed_decides():
    clips = [make_data(16000, seconds, seed=7) for seconds in (0.7, 1.9)]
    augment = MosPreprocessor(train=True, window_seconds=1.0, **AUGMENT)

    def run(seed):
        np.random.seed(seed)
        return np.stack([augment("utt", clip)["speech_48k"] for clip in clips])

    np.testing.assert_array_equal(run(1), run(1))
    assert not np.allclose(run(1), run(2))


@settings(**SETTINGS)
@given(
    seed=st.integers(0, 1000),
    low=st.floats(-12, 12),
    span=st.floats(0, 6),
    fs=st.sampled_from([16000, 44100]),
)
def test_gain_changes_the_level_of_both_branches_alike_and_clips_nothing(
    seed, low, span, fs
):
    data = make_data(fs, 1.0)
    data["speech"] = 20 * data["speech"]  # beyond full scale
    plain = MosPreprocessor(train=True, window_seconds=1.0)("utt", data)
    np.random.seed(seed)
    louder = MosPreprocessor(train=True, window_seconds=1.0, gain_db=[low, low + span])(
        "utt", data
    )
    gains = [
        level_db(louder[name], plain[name]) for name in ("speech_16k", "speech_48k")
    ]
    assert gains[0] == pytest.approx(gains[1], abs=1e-3)
    assert low - 1e-3 <= gains[0] <= low + span + 1e-3
    for name in BRANCHES:
        np.testing.assert_allclose(
            louder[name], plain[name] * 10 ** (gains[0] / 20), atol=1e-4
        )


def test_gains_fill_their_range():
    data = make_data(16000, 1.0)
    augment = MosPreprocessor(train=True, window_seconds=1.0, gain_db=[-3, 3])
    np.random.seed(0)
    gains = [
        level_db(augment("utt", data)["speech_16k"], data["speech"]) for _ in range(40)
    ]
    assert min(gains) < -2 and max(gains) > 2


def test_polarity_is_turned_as_often_as_it_should_be():
    data = make_data(16000, 1.0)
    augment = MosPreprocessor(train=True, window_seconds=1.0, flip_polarity=0.25)
    np.random.seed(0)
    turned = 0
    for _ in range(100):
        window = augment("utt", data)
        sign = np.sign(window["speech_16k"] @ data["speech"])
        np.testing.assert_array_equal(window["speech_16k"], sign * data["speech"])
        again = resample(window["speech_48k"], 48000, 16000)
        assert np.corrcoef(again, window["speech_16k"])[0, 1] > 0.99
        turned += sign < 0
    assert 15 <= turned <= 35


@settings(**SETTINGS)
@given(
    seconds=st.floats(0.2, 0.95),
    fs=st.sampled_from([8000, 16000, 24000, 44100, 48000]),
    seed=st.integers(0, 1000),
)
def test_a_short_clip_is_repeated_from_a_random_place(seconds, fs, seed):
    data = make_data(fs, seconds)
    np.random.seed(seed)
    window = MosPreprocessor(train=True, window_seconds=1.0, random_rotation=True)(
        "utt", data
    )
    starts = []
    for rate in (16000, 48000):
        clip = resample(data["speech"], fs, rate)
        found = window[f"speech_{rate // 1000}k"]
        turns = [np.roll(clip, -n) for n in np.flatnonzero(clip == found[0])]
        (turned,) = (x for x in turns if np.array_equal(x, found[: len(x)]))
        np.testing.assert_array_equal(found, np.resize(turned, rate))
        starts.append(np.flatnonzero(clip == turned[0])[0] / rate)
    assert starts[0] == pytest.approx(starts[1], abs=1 / 16000)


def test_padding_and_rotation_exclude_each_other():
    with pytest.raises(ValueError, match="random_rotation.*pad_short_clips"):
        MosPreprocessor(train=True, random_rotation=True, pad_short_clips=True)


def test_starts_are_everywhere_in_the_clip():
    clip = np.linspace(0.1, 1.0, 8000, dtype=np.float32)
    data = dict(speech=clip, fs=np.array([16000]))
    augment = MosPreprocessor(train=True, window_seconds=1.0, random_rotation=True)
    np.random.seed(0)
    first = [augment("utt", data)["speech_16k"][0] for _ in range(40)]
    assert min(first) < 0.2 and max(first) > 0.9
    # clips that fill the window begin at their beginning
    for length in (16000, 20000):
        whole = dict(speech=np.resize(clip, length), fs=np.array([16000]))
        np.testing.assert_array_equal(
            augment("utt", whole)["speech_16k"], whole["speech"][:16000]
        )


@pytest.mark.parametrize(
    "option",
    [
        dict(gain_db=[3, -3]),
        dict(gain_db=[1]),
        dict(gain_db=3),
        dict(gain_db=[0, float("inf")]),
        dict(flip_polarity=1.5),
        dict(flip_polarity=True),
    ],
)
def test_a_wrong_option_is_named(option):
    (name,) = option
    with pytest.raises(ValueError, match=f"preprocessor_conf.{name} is "):
        MosPreprocessor(train=False, **option)
