import numpy as np
import pytest
import soundfile
import torch

from espnet_samos.audio.preprocessor import MosPreprocessor
from espnet_samos.frontend.log_spectrogram import LogSpectrogramFrontend
from tests.parity import DATA

EVERY = 50  # the reference holds every 50th frame


def log_spectrogram(waveform, **conf):
    frontend = LogSpectrogramFrontend(**conf)
    feats, lengths = frontend(
        torch.from_numpy(waveform)[None], torch.tensor([len(waveform)])
    )
    assert feats.shape == (1, lengths[0], frontend.output_size())
    return feats[0].numpy()


@pytest.mark.parametrize(
    "name, num_frames",
    [
        ("8000_0.9s", None),
        ("16000_1.3s", None),
        ("24000_2.1s", None),
        # The reference has one zero too many at the end of each repetition.
        ("44100_1.0s", 6),
        ("48000_11.2s", None),
    ],
)
def test_parity_from_the_native_file(name, num_frames):
    samples, fs = soundfile.read(DATA / f"{name}.flac", dtype="float32")
    data = MosPreprocessor(train=False, use_ssl=False)(
        name, dict(speech=samples, fs=np.array([fs]))
    )
    feats = log_spectrogram(data["speech_48k"])
    assert feats.shape == (3001, 161)
    expected = np.load(DATA / "spectrogram_parity.npz")[name]
    np.testing.assert_allclose(
        feats[::EVERY][:num_frames], expected[:num_frames], atol=1e-5
    )


def test_silence_is_the_floor_and_loud_is_finite():
    assert (log_spectrogram(np.zeros(4800, np.float32)) == -7).all()
    assert np.isfinite(log_spectrogram(np.full(4800, 1e6, np.float32))).all()


def test_max_frequency_keeps_the_bins_below_it():
    waveform = np.random.default_rng(0).standard_normal(4800).astype(np.float32)
    full = log_spectrogram(waveform)
    cut = log_spectrogram(waveform, max_frequency=6900)
    assert cut.shape[1] == 6900 // 150 + 1
    np.testing.assert_array_equal(cut, full[:, : cut.shape[1]])


def test_half_precision_input_keeps_the_float64_transform():
    waveform = torch.randn(1, 4800)
    frontend = LogSpectrogramFrontend().to(torch.bfloat16)
    feats, _ = frontend(waveform, torch.tensor([4800]))
    expected, _ = LogSpectrogramFrontend()(waveform, torch.tensor([4800]))
    assert feats.dtype == torch.float32
    torch.testing.assert_close(feats, expected)
