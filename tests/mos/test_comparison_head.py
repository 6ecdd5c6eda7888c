"""A comparison changes its sign with the order, and is 0 for equal clips."""

import functools

import pytest
import torch

from espnet_samos.mos.comparison_head import ComparisonHead
from espnet_samos.utils.ccr import comparison


def clips(num_clips, seed=0):
    return torch.randn(num_clips, 12, generator=torch.Generator().manual_seed(seed))


@functools.cache
def trained(hidden_sizes):
    """A head that has learnt that more of the first dimension is better."""
    torch.manual_seed(0)
    head = ComparisonHead(12, hidden_sizes, dropout_rate=0.1)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.02)
    for step in range(150):
        a, b = clips(32, 2 * step), clips(32, 2 * step + 1)
        both = head(torch.cat([a, b]))
        pair = zip(*(x.chunk(2) for x in both), strict=True)
        label = 3 * torch.tanh((b[:, 0] - a[:, 0]) / 3)
        loss = head.loss(*head.compare(*pair), label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return head.eval()


@pytest.fixture(scope="module", params=["random", "trained", "linear"])
def head(request):
    if request.param == "random":
        return ComparisonHead(12).eval()
    return trained(() if request.param == "linear" else (16,))


@torch.no_grad()
def test_the_order_changes_the_sign_and_nothing_else(head):
    a, b = head(clips(50, 1)), head(clips(50, 2))
    mean, variance = head.compare(a, b)
    back, variance_back = head.compare(b, a)
    assert torch.equal(mean, -back) and torch.equal(variance, variance_back)
    assert mean.abs().min() > 0 and mean.abs().max() < 3 and variance.min() > 0
    same, _ = head.compare(a, a)
    assert torch.equal(same, torch.zeros(50))


def test_it_learns_what_is_better():
    head = trained((16,)).requires_grad_(False)
    a, b = clips(200, 10**6), clips(200, 10**6 + 1)
    mean, variance = head.compare(head(a), head(b))
    label = 3 * torch.tanh((b[:, 0] - a[:, 0]) / 3)
    assert torch.corrcoef(torch.stack([mean, label]))[0, 1] > 0.95
    # and becomes surer
    _, before = ComparisonHead(12).eval()(a)
    assert variance.mean() < before.mean()


def test_the_formula_is_that_of_the_predictor():
    zero = torch.zeros(1)
    for difference in (-7.0, -0.1, 0.0, 2.5):
        utility = torch.tensor([difference], dtype=torch.float64)
        mean, _ = ComparisonHead.compare((zero, zero), (utility, zero))
        assert float(mean) == pytest.approx(comparison(difference), abs=1e-12)
    assert comparison(0.1) == pytest.approx(0.1, abs=1e-3)
