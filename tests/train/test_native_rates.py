"""Clips of any rate from 8 to 96 kHz, from the samples to the score."""

import numpy as np
import pytest
import soxr
import torch
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from espnet_samos.audio.preprocessor import MosPreprocessor
from espnet_samos.audio.reading import MAX_RATE, MIN_RATE, AudioError
from espnet_samos.inference.predictor import MosPredictor
from espnet_samos.tasks.mos import MosTask

COMMON_RATES = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000)
RATES = st.sampled_from(COMMON_RATES) | st.integers(MIN_RATE, MAX_RATE)
BRANCHES = {"speech_16k": 16000, "speech_48k": 48000}
AMPLITUDE = 0.5
FLOOR_DB = -100  # soxr HQ in float32 stays below
SETTLED = 0.1  # seconds that the resampler's filter needs at the beginning

make_windows = MosPreprocessor(train=False, window_seconds=1.0)


def windows_of(speech, fs):
    return make_windows("utt", dict(speech=speech, fs=np.array([fs])))


def tone(frequency, fs, seconds=1.6):
    time = np.arange(int(seconds * fs)) / fs
    return (AMPLITUDE * np.sin(2 * np.pi * frequency * time + 0.3)).astype(np.float32)


def fit_tone(samples, frequency, fs):
    """Amplitude of a tone in a clip, and the root mean square of all else."""
    phase = 2 * np.pi * frequency * np.arange(len(samples)) / fs
    waves = np.stack((np.sin(phase), np.cos(phase)), axis=1)
    weights, *_ = np.linalg.lstsq(waves, samples.astype(np.float64), rcond=None)
    return np.hypot(*weights), np.std(samples - waves @ weights)


def db(ratio):
    return 20 * np.log10(max(ratio, 1e-20))


@settings(max_examples=40, deadline=None)
@given(fs=RATES, seconds=st.floats(0.1, 3))
def test_windows_have_their_size_at_any_rate(fs, seconds):
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(int(seconds * fs) + 1).astype(np.float32)
    data = windows_of(noise, fs)
    for name, rate in BRANCHES.items():
        assert data[name].shape == (rate,) and data[name].dtype == np.float32


@settings(max_examples=40, deadline=None)
@given(fs=RATES, place=st.floats(0.01, 0.9))
@example(fs=8000, place=0.9)
@example(fs=96000, place=0.9)
def test_a_tone_keeps_its_frequency_and_level_and_nothing_is_added(fs, place):
    """At any place below the smaller of the two Nyquist frequencies."""
    for name, rate in BRANCHES.items():
        frequency = place * min(fs, rate) / 2
        window = windows_of(tone(frequency, fs), fs)[name]
        amplitude, rest = fit_tone(window[int(SETTLED * rate) :], frequency, rate)
        assert abs(db(amplitude / AMPLITUDE)) < 0.05
        assert db(rest / AMPLITUDE) < FLOOR_DB


@settings(max_examples=20, deadline=None)
@given(fs=RATES, place=st.floats(0, 1))
def test_a_tone_that_a_branch_cannot_hold_is_not_folded_down(fs, place):
    for name, rate in BRANCHES.items():
        lowest = 1.02 * rate / 2
        if fs / 2 > lowest:
            frequency = lowest + place * (fs / 2 - lowest)
            window = windows_of(tone(frequency, fs), fs)[name]
            assert db(np.std(window[int(SETTLED * rate) :]) / AMPLITUDE) < FLOOR_DB


@settings(max_examples=20, deadline=None)
@given(fs=st.integers(MIN_RATE, 44100), seed=st.integers(0, 1000))
@example(fs=44100, seed=0)
def test_above_the_native_nyquist_there_is_nothing(fs, seed):
    noise = 0.1 * np.random.default_rng(seed).standard_normal(int(1.6 * fs))
    window = windows_of(noise.astype(np.float32), fs)["speech_48k"]
    window = window[int(SETTLED * 48000) :].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(window * np.blackman(len(window))))
    frequency = np.fft.rfftfreq(len(window), 1 / 48000)
    below = spectrum[frequency < 0.9 * fs / 2]
    above = spectrum[frequency > 1.01 * fs / 2]
    assert db(above.max() / np.sqrt((below**2).mean())) < FLOOR_DB


@pytest.mark.parametrize("fs", [MIN_RATE - 1, MAX_RATE + 1])
def test_other_rates_are_refused(fs):
    with pytest.raises(AudioError, match=f"utt: sampling rate {fs} Hz is outside"):
        windows_of(tone(440, fs), fs)


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    """A tiny model with random weights."""
    folder = tmp_path_factory.mktemp("model")
    config = dict(
        preprocessor_conf=dict(window_seconds=1.0),
        ssl_frontend="default",
        ssl_frontend_conf=dict(fs=16000, n_mels=20),
        ssl_encoder_conf=dict(hidden_channels=8),
        spectrogram_frontend_conf=dict(hop_length=480),
        spectrogram_encoder_conf=dict(channels=[4, 4, 8, 8]),
    )
    (folder / "train.yaml").write_text(yaml.safe_dump(config))
    args = MosTask.get_parser().parse_args(
        ["--config", str(folder / "train.yaml"), "--output_dir", str(folder)]
    )
    (folder / "config.yaml").write_text(yaml.safe_dump(vars(args)))
    torch.manual_seed(0)
    torch.save(MosTask.build_model(args).state_dict(), folder / "model.pth")
    return MosPredictor(folder / "model.pth")


@settings(max_examples=8, deadline=None)
@given(fs=RATES, seconds=st.floats(0.1, 2), seed=st.integers(0, 1000))
@example(fs=22050, seconds=0.3, seed=0)
@example(fs=44100, seconds=2.0, seed=0)
def test_the_score_is_that_of_the_repeated_clip(predictor, fs, seconds, seed):
    """What the predictor says at any rate, against windows made without its code."""
    rng = np.random.default_rng(seed)
    clip = (0.1 * rng.standard_normal(int(seconds * fs) + 1)).astype(np.float32)
    batch = {}
    for name, rate in BRANCHES.items():
        resampled = clip if fs == rate else soxr.resample(clip, fs, rate, quality="HQ")
        batch[name] = torch.from_numpy(np.resize(resampled, rate))[None]
        batch[f"{name}_lengths"] = torch.tensor([rate])
    mean, std = predictor.torch_engine.predict_batch(batch)
    score = next(predictor.predict_windows(clip, fs))
    assert np.isfinite(score.mean) and score.std > 0
    np.testing.assert_allclose(
        (score.mean, score.std), (mean[0, 0], std[0, 0]), atol=1e-5
    )


def test_the_rate_makes_a_difference(predictor):
    clip = tone(1000, 16000)
    scores = [predictor.predict(clip, fs).mean for fs in (8000, 16000, 48000)]
    assert np.ptp(scores) > 1e-4
