"""Two corpora that label the same clips on different scales."""

import pytest
import torch

from espnet_samos.mos.gaussian_head import GaussianHead

DIM = 16
SCALE, OFFSET = 0.5, 0.3  # of the second corpus: label = SCALE · quality + OFFSET
NOISE = 0.2


def make_clips(count, seed):
    """Vectors (count, DIM) and their quality (count,), 1..5."""
    weight = torch.randn(DIM, generator=torch.Generator().manual_seed(0)) / 4
    vectors = torch.randn(count, DIM, generator=torch.Generator().manual_seed(seed))
    return vectors, 3 + 1.8 * torch.tanh(vectors @ weight)


def train(head, with_corpus=True):
    """Train a head as conf/mini trains: 30 epochs over 1056 clips, half of each."""
    vectors, quality = make_clips(1056, seed=1)
    corpus = torch.arange(len(vectors)) % 2
    scale = torch.where(corpus == 0, 1.0, SCALE)
    random = torch.Generator().manual_seed(2)
    noise = NOISE * torch.randn(len(vectors), generator=random)
    mos = scale * (quality + noise) + torch.where(corpus == 0, 0.0, OFFSET)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.002)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.998)
    for _ in range(30):
        for batch in torch.randperm(len(vectors), generator=random).split(16):
            prediction = head.align(
                *head(vectors[batch]), corpus[batch] if with_corpus else None
            )
            optimizer.zero_grad()
            head.loss(*prediction, mos[batch]).backward()
            optimizer.step()
            scheduler.step()
    return head


def judge(head):
    """MSE and correlation on the reference's scale, of clips not trained on."""
    vectors, quality = make_clips(1000, seed=3)
    with torch.no_grad():
        mean, _ = head(vectors)
    lcc = torch.corrcoef(torch.stack((mean, quality)))[0, 1]
    return torch.mean((mean - quality) ** 2).item(), lcc.item()


@pytest.fixture(scope="module")
def aligned():
    torch.manual_seed(0)
    return train(GaussianHead(DIM, corpora=["reference", "other"]))


def test_alignment_is_recovered(aligned):
    stats = aligned.stats()
    assert stats["scale_other"].item() == pytest.approx(SCALE, abs=0.05)
    assert stats["offset_other"].item() == pytest.approx(OFFSET, abs=0.15)


def test_common_scale_is_that_of_the_reference_and_better_for_alignment(aligned):
    torch.manual_seed(0)
    mse_without, lcc_without = judge(train(GaussianHead(DIM), with_corpus=False))
    mse, lcc = judge(aligned)
    assert mse < 0.2 * mse_without
    assert lcc > lcc_without + 0.01


def test_the_reference_is_not_moved_and_the_variance_scales_with_the_square():
    head = GaussianHead(DIM, corpora=["a", "b", "c"])
    with torch.no_grad():
        for name, parameter in head.named_parameters():
            if name.startswith("alignment"):
                parameter.copy_(0.1 * torch.randn(()))
    mean, variance = torch.tensor([2.0, 2.0, 2.0]), torch.tensor([0.5, 0.5, 0.5])
    aligned_mean, aligned_variance = head.align(mean, variance, torch.tensor([0, 2, 1]))
    stats = head.stats()
    for i, name in ((1, "c"), (2, "b")):
        scale, offset = stats[f"scale_{name}"], stats[f"offset_{name}"]
        assert scale > 0 and scale != 1
        assert aligned_mean[i].item() == pytest.approx((2 * scale + offset).item())
        assert aligned_variance[i].item() == pytest.approx((0.5 * scale**2).item())
    assert (aligned_mean[0], aligned_variance[0]) == (2, 0.5)
    without, _ = head.align(mean, variance, None)
    assert torch.equal(without, mean)


def test_without_corpora_every_weight_still_has_a_gradient():
    head = GaussianHead(DIM, corpora=["a", "b"])
    mean, variance = head.align(*head(torch.randn(4, DIM)), None)
    head.loss(mean, variance, torch.full((4,), 3.0)).backward()
    assert all(parameter.grad is not None for parameter in head.parameters())
    assert all(p.grad.abs().max() == 0 for p in head.alignment.parameters())


@pytest.mark.parametrize(
    "corpora, message",
    [
        (["a"], "two corpora or more"),
        (["a", "b", "a"], "each once"),
        (["a", "b.c"], "rename the data directory"),
    ],
)
def test_lists_that_cannot_be_are_refused(corpora, message):
    with pytest.raises(ValueError, match=message):
        GaussianHead(DIM, corpora=corpora)
