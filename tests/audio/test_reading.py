import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet_samos.audio.reading import AudioError, check_audio, read_clip, to_mono
from espnet_samos.audio.resampling import resample

RATES = st.sampled_from([8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 96000])


def noise(num_samples, seed=0):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(num_samples)).astype(np.float32)


@settings(max_examples=30, deadline=None)
@given(fs=RATES, target=st.sampled_from([16000, 48000]), seconds=st.floats(0.1, 2))
def test_resample_keeps_float32_and_duration(fs, target, seconds):
    samples = noise(int(seconds * fs) + 1)
    out = resample(samples, fs, target)
    assert out.dtype == np.float32
    assert abs(len(out) - len(samples) * target / fs) <= 1
    np.testing.assert_allclose(
        out,
        samples if fs == target else soxr.resample(samples, fs, target, quality="HQ"),
    )


def test_resample_leaves_the_empty_band_empty():
    spectrum = np.abs(np.fft.rfft(resample(noise(16000), 16000, 48000)))
    assert spectrum[10000:].max() < 1e-3 * spectrum[:7000].max()


def test_downmix_is_asked_for():
    stereo = np.stack((np.ones(10), np.zeros(10)), axis=1).astype(np.float32)
    with pytest.raises(AudioError, match="2 channels"):
        to_mono(stereo)
    np.testing.assert_array_equal(to_mono(stereo, "downmix"), np.full(10, 0.5))
    np.testing.assert_array_equal(to_mono(stereo[:, :1]), np.ones(10))
    with pytest.raises(ValueError, match="multichannel"):
        to_mono(stereo, "left")


@pytest.mark.parametrize(
    "samples, fs, message",
    [
        (np.zeros(0), 16000, "empty"),
        (noise(320), 16000, "20 ms"),
        (np.where(np.arange(8000) == 7, np.nan, 0.1), 16000, "1 samples are NaN"),
        (np.zeros(16000), 16000, "silent"),
        (noise(16000), 4000, "4000 Hz"),
        (noise(400000), 400000, "400000 Hz"),
        (32768 * noise(16000), 16000, "full scale is 1"),
    ],
)
def test_unusable_audio_is_refused(samples, fs, message):
    with pytest.raises(AudioError, match=message):
        check_audio(samples, fs)


def test_read_clip_names_the_file(tmp_path):
    with pytest.raises(AudioError, match="no such file.*missing.wav"):
        read_clip(tmp_path / "missing.wav")
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF, but no more")
    with pytest.raises(AudioError, match="broken.wav"):
        read_clip(broken)
    silent = tmp_path / "silent.wav"
    soundfile.write(silent, np.zeros(8000), 8000)
    with pytest.raises(AudioError, match="silent.wav: silent"):
        read_clip(silent)
    good = tmp_path / "good.flac"
    soundfile.write(good, noise(9600), 96000)
    samples, fs = read_clip(good)
    assert samples.dtype == np.float32 and samples.shape == (9600,) and fs == 96000
