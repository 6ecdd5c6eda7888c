"""What nobody hears moves the packaged model's score by next to nothing."""

import numpy as np
import pytest
import soxr

from espnet_samos import MosPredictor
from espnet_samos.corpora.degradations import noise
from espnet_samos.corpora.degradations.codecs import codec
from espnet_samos.corpora.mini.speech import sentences, synthesise

FS = 48000
FORMS = {
    "6 dB louder": lambda x: (x * 2, FS),
    "6 dB softer": lambda x: (x / 2, FS),
    "float": lambda x: (x + 0.4 / 32768 * np.sin(np.arange(len(x))), FS),
    "44.1 kHz": lambda x: (soxr.resample(x, FS, 44100), 44100),
    "96 kHz": lambda x: (soxr.resample(x, FS, 96000), 96000),
    "mp3 at 320 kb/s": lambda x: (codec(x, FS, None, "libmp3lame", 320), FS),
}


@pytest.fixture(scope="module")
def predictor():
    return MosPredictor.from_pretrained()


@pytest.fixture(scope="module", params=[25, 40, 60], ids="{} dB".format)
def clip(request):
    """Speech of three seconds with a faint noise, 16 bit."""
    rng = np.random.default_rng(0)
    speech = synthesise(sentences()[request.param], "mei2")
    recorded = noise.coloured(speech, FS, rng, request.param, slope_db=-4)
    return np.round(0.4 * 32768 * recorded / np.abs(recorded).max()) / 32768


@pytest.mark.parametrize("form", FORMS)
def test_the_score_stays(predictor, clip, form):
    samples, fs = FORMS[form](clip)
    if form != "float":
        samples = np.round(samples * 32768) / 32768
    before = predictor.predict(clip, FS).mean
    assert predictor.predict(samples, fs).mean == pytest.approx(before, abs=0.03)


@pytest.mark.parametrize("offset", [0.01, -0.1])
def test_a_dc_offset_does_not_move_it(predictor, clip, offset):
    before = predictor.predict(clip, FS).mean
    assert predictor.predict(clip + offset, FS).mean == pytest.approx(before, abs=1e-3)


@pytest.mark.parametrize("before, after", [(0.1, 0.0), (0.0, 0.1), (10.0, 10.0)])
@pytest.mark.parametrize("offset", [0.0, 0.01])
def test_silence_around_it_does_not_move_it(predictor, clip, before, after, offset):
    silence = [np.zeros(int(seconds * FS)) for seconds in (before, after)]
    padded = np.concatenate([silence[0], clip, silence[1]])
    plain, around = (predictor.predict(x + offset, FS) for x in (clip, padded))
    assert around.mean == pytest.approx(plain.mean, abs=1e-6)
    assert around.std == pytest.approx(plain.std, abs=1e-6)


@pytest.mark.parametrize("fs", [44100, 96000])
def test_a_long_clip_with_silence_around_it_at_another_rate(predictor, clip, fs):
    # a resampler rings, here within a frame
    silence = np.zeros(FS + FS // 100)
    before = np.concatenate([silence, clip, clip, silence])
    after = np.round(soxr.resample(before, FS, fs) * 32768) / 32768
    found, expected = predictor.predict(after, fs), predictor.predict(before, FS)
    assert found.mean == pytest.approx(expected.mean, abs=0.03)


@pytest.mark.parametrize("seconds", [0.1, 1.0])
def test_dither_before_it_does_not_move_it(predictor, clip, seconds):
    rng = np.random.default_rng(0)
    # of six seconds, more than a window
    clip = np.concatenate([clip, clip])
    dither = rng.integers(-2, 3, int(seconds * FS)) / 32768
    after = predictor.predict(np.concatenate([dither, clip]), FS)
    assert after.mean == pytest.approx(predictor.predict(clip, FS).mean, abs=1e-6)


def test_what_is_no_speech_is_bad(predictor):
    rng = np.random.default_rng(0)
    white = 0.1 * rng.standard_normal(5 * FS)
    brown = np.cumsum(white)
    time = np.arange(5 * FS) / FS
    tones = [
        np.sin(2 * np.pi * f * time) * np.exp(-3 * (time % 0.5))
        for f in (220, 277.2, 329.6, 440)
    ]
    for sound in (white, 0.01 * white, brown - brown.mean(), np.sum(tones, axis=0)):
        sound = 0.3 * sound / np.abs(sound).max()
        assert predictor.predict(sound, FS).mean < 2
