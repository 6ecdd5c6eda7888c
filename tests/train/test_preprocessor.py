import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet_samos.audio import AudioError, resample
from espnet_samos.train.preprocessor import MosPreprocessor


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
