import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.plain import PlainEncoder
from espnet_samos.mos.conv2d_encoder import Conv2dEncoder
from espnet_samos.mos.conv2d_inference import PIECE, POOL_SIZE, channels_last


def trained_encoder(channels=(4, 4, 6, 6), **options):
    """Return an encoder whose batch normalisation does something."""
    torch.manual_seed(0)
    encoder = Conv2dEncoder(9, 30, channels, **options)
    for module in encoder.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.weight)
            torch.nn.init.normal_(module.bias)
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return encoder


def plainly(encoder, feats):
    """Run the layers in their published order, in PyTorch's default format."""
    return PlainEncoder(encoder)(feats)


@settings(max_examples=30, deadline=None)
@given(
    num_frames=st.integers(3, 2 * PIECE * POOL_SIZE + 50),
    num_layers=st.integers(2, 5),
    batch_size=st.integers(1, 2),
)
def test_evaluation_gives_what_the_layers_give(num_frames, num_layers, batch_size):
    encoder = trained_encoder((4, 3, 6, 5, 4)[:num_layers]).eval()
    feats = torch.randn(batch_size, num_frames, 9)
    with torch.no_grad():
        expected = plainly(encoder, feats)
        np.testing.assert_allclose(encoder(feats), expected, atol=1e-5)


@pytest.mark.parametrize("place", (0, 1, 599, 600, 601, 602, 1199, 1203, 1299))
def test_every_frame_of_a_window_is_heard(place):
    encoder = trained_encoder().eval()
    feats = torch.zeros(1, 1300, 9)
    feats[:, place] = 30.0
    with torch.no_grad():
        expected = plainly(encoder, feats)
        assert not torch.allclose(expected, plainly(encoder, torch.zeros(1, 1300, 9)))
        np.testing.assert_allclose(encoder(feats), expected, rtol=1e-5)


def test_evaluation_gives_gradients_to_its_input():
    encoder = trained_encoder().eval()
    feats = torch.randn(2, 700, 9, requires_grad=True)
    (expected,) = torch.autograd.grad(plainly(encoder, feats).sum(), feats)
    (gradient,) = torch.autograd.grad(encoder(feats).sum(), feats)
    assert expected.abs().max() > 0
    np.testing.assert_allclose(gradient, expected, atol=1e-5)


def train_step(encoder, feats, forward):
    torch.manual_seed(1)  # dropout
    encoder.train()
    forward(encoder, feats).square().sum().backward()
    gradients = {n: p.grad.clone() for n, p in encoder.named_parameters()}
    return gradients | dict(encoder.named_buffers())


@pytest.mark.parametrize("options", ({}, dict(gradient_checkpointing=True)))
def test_a_training_step_is_that_of_the_published_layers(options):
    encoder = trained_encoder(**options)
    feats = torch.randn(2, 33, 9)
    expected = train_step(
        copy.deepcopy(encoder),
        feats,
        plainly,
    )
    actual = train_step(encoder, feats, lambda e, x: e(x))
    assert any(name.endswith("num_batches_tracked") for name in actual)
    for name, value in expected.items():
        torch.testing.assert_close(actual[name], value, atol=1e-4, rtol=1e-4)


def test_what_follows_a_single_channel_stays_channels_last():
    """A tensor of one channel is in both formats, and PyTorch takes the default one."""
    hidden = channels_last(torch.randn(2, 30, 9))
    assert hidden.shape == (2, 1, 30, 9)
    for channels in (4, 6):
        hidden = torch.nn.Conv2d(hidden.shape[1], channels, 3, padding=1)(hidden)
        assert hidden.is_contiguous(memory_format=torch.channels_last)
        assert not hidden.is_contiguous()


def test_dropout_is_kept_once():
    """Of a layer: the output of its convolution, a mask and what the next one gets."""
    saved = {}

    def keep(tensor):
        saved[tensor.data_ptr()] = tensor
        return tensor

    encoder = trained_encoder((8, 8)).train()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        encoder(torch.randn(2, 120, 9))
    full = [t for t in saved.values() if t.numel() == 2 * 8 * 120 * 9]
    # two of the first layer and its mask, two of the second, before its pooling
    assert len(full) == 5


def test_checkpointing_keeps_less():
    def num_saved(encoder):
        saved = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda x: saved.append(x.numel()), lambda x: x
        ):
            encoder.train()(torch.randn(2, 120, 9))
        return sum(saved)

    kept = num_saved(trained_encoder())
    assert num_saved(trained_encoder(gradient_checkpointing=True)) < 0.6 * kept


def test_the_pooling_needs_two_convolutions():
    with pytest.raises(ValueError, match=r"channels is \[8\]"):
        Conv2dEncoder(9, 30, channels=[8])


@pytest.mark.parametrize("size", [(2, 10), (10, 2)])
def test_what_the_pooling_leaves_nothing_of_is_refused(size):
    with pytest.raises(ValueError, match="at least 3 of each are needed"):
        Conv2dEncoder(*size)
    for training in (True, False):
        encoder = Conv2dEncoder(3, 3, channels=(2, 2)).train(training)
        assert encoder(torch.rand(2, 3, 3)).shape == (2, 2)
