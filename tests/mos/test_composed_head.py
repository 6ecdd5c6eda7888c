import pytest
import torch

from espnet_samos.mos.composed_head import ComposedHead


@pytest.fixture
def head():
    torch.manual_seed(0)
    return ComposedHead(10, spectrogram_size=4, hidden_sizes=[8], dropout_rate=0.0)


def test_the_score_follows_from_the_partial_ones(head):
    vectors = torch.randn(64, 10)
    head(vectors)
    head.eval()
    mean, variance = head(vectors)
    scores = []
    for member in ("linear", "mlp"):
        ssl, spectrogram = head.norm(vectors).split([6, 4], dim=1)
        low = getattr(head.mean_mlp, member)(ssl).squeeze(1)
        band, upper = getattr(head.band_mlp, member)(spectrogram).T
        low, band, upper = (1 + 4 * torch.sigmoid(x) for x in (low, band, upper))
        kept = 1 - 0.15 * (5 - band) / 4 - 0.10 * (5 - upper) / 4
        scores.append(1 + (low - 1) * kept)
    torch.testing.assert_close(mean, (scores[0] + scores[1]) / 2)
    own = 4 * torch.nn.functional.softplus(
        head.variance_mlp(head.norm(vectors)).squeeze(1)
    )
    torch.testing.assert_close(variance, own + (scores[0] - scores[1]) ** 2 / 4)
    assert (mean > 1).all() and (mean < 5).all() and (variance > 0).all()


def test_the_error_of_computed_labels_is_in_predictions_only():
    vectors = torch.randn(16, 10)
    variances = []
    for proxy_error in (0.0, 0.5):
        torch.manual_seed(0)
        sizes = dict(spectrogram_size=4, hidden_sizes=[8], dropout_rate=0.0)
        head = ComposedHead(10, **sizes, proxy_error=proxy_error)
        variances.append((head(vectors)[1], head.eval()(vectors)[1]))
    (training, predicted), (same, larger) = variances
    torch.testing.assert_close(same, training)
    torch.testing.assert_close(larger, predicted + 0.25)


def test_each_branch_sees_its_own_part(head):
    head.eval()
    vectors = torch.randn(8, 10)
    scores = head.partial_scores(vectors)
    other = torch.cat([vectors[:, :6], torch.randn(8, 4)], dim=1)
    assert torch.equal(head.partial_scores(other)[:, 0], scores[:, 0])
    assert not torch.equal(head.partial_scores(other)[:, 1], scores[:, 1])
    other = torch.cat([torch.randn(8, 6), vectors[:, 6:]], dim=1)
    assert torch.equal(head.partial_scores(other)[:, 1:], scores[:, 1:])


def test_partial_labels_are_learnt_where_they_are(head):
    torch.manual_seed(1)
    vectors = torch.randn(256, 10)
    labels = {
        "low": 3 + vectors[:, 0].clamp(-1.5, 1.5),
        "band": 3 + vectors[:, 7].clamp(-1.5, 1.5),
    }
    nothing = dict.fromkeys(head.partial_names, torch.full((256,), torch.nan))
    assert head.partial_loss(vectors, nothing) == 0
    labels = {**nothing, **labels}
    optimizer = torch.optim.Adam(head.parameters(), 0.02)
    for _ in range(200):
        optimizer.zero_grad()
        head.partial_loss(vectors, labels).backward()
        optimizer.step()
    scores = head.eval().partial_scores(vectors)
    for column, name in enumerate(("low", "band")):
        found = torch.corrcoef(torch.stack([scores[:, column], labels[name]]))
        assert found[0, 1] > 0.95


def test_features_are_normalised_by_many_batches(head):
    vectors = 5 + torch.randn(200, 16, 10)
    for batch in vectors[:20]:
        head.all_scores(batch)
    first = vectors[:20].flatten(0, 1)
    torch.testing.assert_close(head.norm.running_mean, first.mean(dim=0))
    sizes = dict(spectrogram_size=4, hidden_sizes=[8], dropout_rate=0.0)
    resumed = ComposedHead(10, **sizes)
    resumed.load_state_dict(head.state_dict())
    for either in (head, resumed):
        for batch in vectors[20:]:
            either.all_scores(batch)
    assert torch.equal(head.norm.running_mean, resumed.norm.running_mean)
    before = head.norm.running_mean.clone()
    head.all_scores(vectors[0] + 10)  # a strange one is one of a hundred
    moved = head.norm.running_mean - before
    assert 0.1 < moved.min() and moved.max() < 0.3


@pytest.mark.parametrize("size", [0, 10])
def test_a_missing_branch_is_named(size):
    with pytest.raises(ValueError, match="head: composed needs both branches"):
        ComposedHead(10, spectrogram_size=size)
