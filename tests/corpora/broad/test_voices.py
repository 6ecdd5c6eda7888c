import numpy as np
import pytest
import scipy.signal

from espnet_samos.audio.resampling import resample
from espnet_samos.corpora.broad.kokoro import EnglishKokoroVoice
from espnet_samos.corpora.broad.voice_list import VOICES
from espnet_samos.corpora.broad.voices import decode_g722, part_of
from espnet_samos.corpora.broad.wide import continue_band
from espnet_samos.utils.tables import DataError
from tests.corpora.broad.conftest import write_g722
from tests.tiny_model import speechlike


@pytest.mark.parametrize("name", ["mei", "june", "wide_carlo"])
def test_speech_has_its_level_and_length_and_repeats_itself(recordings, name):
    voice = VOICES[name](recordings)
    for seed in range(3):
        samples = voice.speak("train", np.random.default_rng(seed))
        assert 3 <= len(samples) / voice.fs <= 6 and np.isfinite(samples).all()
        assert 10 * np.log10(np.mean(samples**2)) == pytest.approx(-26, abs=1e-6)
        again = voice.speak("train", np.random.default_rng(seed))
        np.testing.assert_array_equal(samples, again)
    other = voice.speak("train", np.random.default_rng(9))
    assert len(other) != len(samples) or not np.allclose(other, samples)


@pytest.mark.parametrize("name", ["mei", "joe", "kokoro_ja"])
def test_parts_share_no_phrase_and_have_enough(name, recordings):
    parts = [part_of(phrase) for phrase in VOICES[name](recordings).phrases()]
    shares = [parts.count(part) / len(parts) for part in ("train", "dev", "test")]
    assert shares == pytest.approx([0.7, 0.15, 0.15], abs=0.04)


def test_a_band_is_continued_as_noise_that_follows_the_speech():
    fs, rng = 16000, np.random.default_rng(0)
    speech = 0.1 * rng.standard_normal(2 * fs)
    speech[fs // 2 : fs] = 0
    for slope_db in (0.0, 3.0):
        wide = continue_band(speech, fs, np.random.default_rng(1), slope_db)
        assert len(wide) == 6 * fs
        # its own band is as it was
        own = resample(wide, 48000, fs)
        frequencies, power = scipy.signal.welch(own - speech, fs, nperseg=512)
        assert power[frequencies < 6500].max() < 1e-3 * power.max()
        frequencies, power = scipy.signal.welch(wide, 48000, nperseg=512)
        levels_db = 10 * np.log10(power)

        def level(khz, frequencies=frequencies, levels_db=levels_db):
            near = np.abs(frequencies - 1000 * khz) < 500
            return levels_db[near].mean()

        assert level(8) == pytest.approx(level(6) - 2 * slope_db, abs=1.0)
        assert level(20) == pytest.approx(level(10) - 10 * slope_db, abs=1.0)
        # no noise in a pause
        assert np.abs(wide[int(0.52 * 48000) : int(0.98 * 48000)]).max() < 1e-6


@pytest.mark.parametrize("name", ["joe", "kokoro_ja"])
def test_a_neural_voice_says_the_same_again(name):
    voice = VOICES[name]("")
    phrase = voice.phrases()[0]
    first, again, other = (
        voice.say(phrase, np.random.default_rng(seed)) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert len(first) != len(other) and 1 < len(first) / voice.fs < 8


def test_kokoro_has_a_phoneme_for_every_sound():
    voice = EnglishKokoroVoice()
    assert voice.phonemes("The doctor.") == "ðə dˈɑːktɚ."
    assert not set(VOICES["kokoro_ja"]("").phonemes("今日は。")) & set("今日は")


def test_recordings_that_say_little_are_left_out(recordings):
    phrases = VOICES["carlo"](recordings).phrases()
    assert len(phrases) == 30 and "digit.g722" not in phrases


def test_missing_recordings_are_named(tmp_path):
    with pytest.raises(DataError, match="it_IT_m_Carlo: no recordings"):
        VOICES["carlo"](tmp_path).phrases()


def test_g722_is_decoded(tmp_path):
    samples = speechlike(1.0, 16000)
    write_g722(tmp_path / "a.g722", samples)
    decoded = decode_g722(tmp_path / "a.g722")
    assert abs(len(decoded) - len(samples)) < 320
    # the codec's delay is 22 samples
    correlation = np.correlate(decoded, samples[1000:9000], "valid")
    best = int(np.argmax(correlation))
    a, b = decoded[best : best + 8000], samples[1000:9000]
    assert abs(best - 1000) < 40 and np.corrcoef(a, b)[0, 1] > 0.95
