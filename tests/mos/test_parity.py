"""Agreement with the published implementation on its own numbers."""

import numpy as np
import pytest
import torch

from tests.parity import load_expected, load_model, make_inputs

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def expected():
    return load_expected()


@pytest.fixture(scope="module")
def inputs():
    return make_inputs()


def test_inputs_are_the_published_ones(inputs, expected):
    ssl, spec = inputs
    np.testing.assert_array_equal(ssl.transpose(1, 2)[:, :2, :3], expected["ssl_head"])
    np.testing.assert_array_equal(spec[:, :2, :3], expected["spec_head"])


@torch.no_grad()
def test_sa_ssl_mos(inputs, expected):
    ssl, spec = inputs
    model = load_model("sa_ssl_mos")
    np.testing.assert_allclose(
        model.ssl_encoder(ssl), expected["expected_ssl_vector"], atol=TOLERANCE
    )
    np.testing.assert_allclose(
        model.spectrogram_encoder(spec),
        expected["expected_spec_vector"],
        atol=TOLERANCE,
    )
    mean, variance = model.predict(speech_16k=ssl, speech_48k=spec)
    np.testing.assert_allclose(
        torch.stack((mean, variance), dim=1),
        expected["expected_mean_var"],
        atol=TOLERANCE,
    )
    output = model(
        mos=torch.from_numpy(expected["label"])[:, None],
        speech_16k=ssl,
        speech_48k=spec,
    )
    np.testing.assert_allclose(
        output["loss"], expected["expected_loss"], atol=TOLERANCE
    )


@torch.no_grad()
def test_ssl_layer_mos(inputs, expected):
    mean, variance = load_model("ssl_layer_mos").predict(speech_16k=inputs[0])
    np.testing.assert_allclose(
        torch.stack((mean, variance), dim=1),
        expected["expected_ssl_layer_mos"],
        atol=TOLERANCE,
    )


def test_model_refuses_a_state_dict_with_a_missing_weight():
    model = load_model("ssl_layer_mos")
    weights = model.state_dict()
    weights.pop("head.mean_mlp.0.weight")
    with pytest.raises(RuntimeError, match="head.mean_mlp.0.weight"):
        model.load_state_dict(weights, strict=False)
