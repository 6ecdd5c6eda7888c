import numpy as np
import pytest
import scipy.signal
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet_samos.frontend.power_spectrum import PowerSpectrum


def noise(num_samples, seed=0):
    samples = np.random.default_rng(seed).standard_normal((2, num_samples))
    return torch.from_numpy(samples.astype(np.float32))


@settings(max_examples=30, deadline=None)
@given(
    num_samples=st.integers(1000, 9000),
    half=st.integers(20, 480),
    hop_length=st.sampled_from([100, 160, 240, 480]),
    seed=st.integers(0, 99),
)
def test_matrices_give_what_the_fourier_transform_gives(
    num_samples, half, hop_length, seed
):
    spectrum = PowerSpectrum(1024, 2 * half, hop_length, num_bins=427)
    waveforms = noise(num_samples, seed)
    expected = spectrum(waveforms)
    assert expected.shape == (2, num_samples // hop_length + 1, 427)
    found = spectrum._by_matrices(waveforms)
    scale = expected.max().item()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7 * scale)


def test_is_scipys():
    waveforms = noise(48000)
    window = scipy.signal.get_window("hann", 960)
    padded = np.pad(waveforms[0].double().numpy(), 480)
    transform = scipy.signal.ShortTimeFFT(window, 480, 48000, mfft=1024)
    expected = np.abs(transform.stft(padded, p0=1, p1=102)) ** 2
    found = PowerSpectrum(1024, 960, 480, 513)(waveforms)[0].T
    assert found.shape == expected.shape
    assert found.numpy() == pytest.approx(expected, rel=1e-3, abs=1e-3)
