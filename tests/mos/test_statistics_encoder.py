import numpy as np
import pytest
import torch

from espnet_samos.mos.statistics_encoder import StatisticsEncoder


def test_statistics_are_those_of_numpy():
    feats = np.random.default_rng(0).standard_normal((3, 40, 5)).astype(np.float32)
    encoder = StatisticsEncoder(5, 40, quantiles=[0.1, 0.9], changes=True, first=2)
    vectors = encoder(torch.from_numpy(feats)).numpy()
    assert vectors.shape == (3, encoder.output_size()) == (3, 15)
    x = feats[..., 2:]
    expected = [x.mean(1), x.std(1), *np.quantile(x, [0.1, 0.9], axis=1)]
    changes = np.abs(np.diff(x, axis=1)).sum(1) / 40
    np.testing.assert_allclose(
        vectors, np.concatenate([*expected, changes], axis=1), atol=1e-5
    )


def test_silence_does_not_count():
    torch.manual_seed(0)
    feats = torch.randn(1, 30, 4)
    encoder = StatisticsEncoder(4, 30, quantiles=[0.5, 0.9])
    with_silence = torch.cat([feats[:, :10], torch.zeros(1, 20, 4), feats[:, 10:]], 1)
    torch.testing.assert_close(encoder(with_silence), encoder(feats))
    # the first of a frame's features may be what is left out
    assert torch.isfinite(encoder(torch.zeros(2, 30, 4))).all()


def test_gradients_reach_the_features():
    feats = torch.randn(2, 30, 4, requires_grad=True)
    StatisticsEncoder(4, 30, quantiles=[0.5], changes=True)(feats).sum().backward()
    assert feats.grad.abs().sum() > 0 and torch.isfinite(feats.grad).all()
    constant = torch.ones(1, 30, 4, requires_grad=True)
    StatisticsEncoder(4, 30)(constant).sum().backward()
    assert torch.isfinite(constant.grad).all()


def test_a_first_feature_that_is_not_there():
    with pytest.raises(ValueError, match="first is 4, of 4 features"):
        StatisticsEncoder(4, 30, first=4)
