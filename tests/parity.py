"""Weights and inputs of the published implementation's run."""

from pathlib import Path

import numpy as np
import torch

from espnet_samos.model_zoo.published import load_published
from espnet_samos.mos.conv1d_encoder import Conv1dEncoder
from espnet_samos.mos.conv2d_encoder import Conv2dEncoder
from espnet_samos.mos.espnet_model import ESPnetMosModel
from espnet_samos.mos.gaussian_head import GaussianHead

DATA = Path(__file__).parent / "data"
WIDTH = 64  # of the SSL features
NUM_SSL_FRAMES, NUM_SPECTROGRAM_FRAMES, NUM_BINS = 499, 3001, 161


def load_expected():
    return np.load(DATA / "model_parity.npz")


def load_weights(name):
    """The weights in the published naming; name is sa_ssl_mos or ssl_layer_mos."""
    expected = load_expected()
    return {
        key.removeprefix(f"{name}/"): torch.from_numpy(expected[key])
        for key in expected.files
        if key.startswith(f"{name}/")
    }


def make_inputs():
    """SSL features (3, 499, 64) and spectrograms (3, 3001, 161)."""
    rng = np.random.default_rng(11)
    ssl = rng.standard_normal((3, WIDTH, NUM_SSL_FRAMES)).astype(np.float32)
    spec = rng.standard_normal((3, NUM_SPECTROGRAM_FRAMES, NUM_BINS)) * 1.5 - 2.0
    spec = spec.astype(np.float32)
    return torch.from_numpy(ssl).transpose(1, 2), torch.from_numpy(spec)


class Identity(torch.nn.Module):
    """A frontend for features that are there already."""

    def forward(self, feats, lengths):
        return feats, lengths


def make_model(name):
    """Our model with random weights, for features that are there already."""
    ssl_encoder = Conv1dEncoder(input_size=WIDTH, num_frames=NUM_SSL_FRAMES)
    spectrogram_encoder = None
    output_size = ssl_encoder.output_size()
    if name == "sa_ssl_mos":
        spectrogram_encoder = Conv2dEncoder(NUM_BINS, NUM_SPECTROGRAM_FRAMES)
        output_size += spectrogram_encoder.output_size()
    return ESPnetMosModel(
        Identity(),
        ssl_encoder,
        Identity() if spectrogram_encoder is not None else None,
        spectrogram_encoder,
        GaussianHead(output_size),
    ).eval()


def load_model(name):
    """Our model with the published weights."""
    model = make_model(name)
    load_published(model, load_weights(name))
    return model
