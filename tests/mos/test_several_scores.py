"""Heads that predict several scores, of which a clip may lack labels."""

import pytest
import torch

from espnet_samos.audio.preprocessor import LabelPreprocessor
from espnet_samos.mos.composed_head import ComposedHead
from espnet_samos.mos.espnet_model import ESPnetMosModel
from espnet_samos.mos.gaussian_head import GaussianHead
from espnet_samos.train.scores import ScoresReader

SCORES = ["mos", "noi", "col"]
HEADS = {
    "gaussian": lambda **kwargs: GaussianHead(6, [8], **kwargs),
    "composed": lambda **kwargs: ComposedHead(6, 2, [8], 0.0, **kwargs),
}


class Model(ESPnetMosModel):
    """The model without branches: a batch has its vectors."""

    def __init__(self, head):
        super().__init__(None, None, None, None, head)

    def encode(self, vectors):
        return vectors


@pytest.fixture(params=list(HEADS))
def model(request):
    torch.manual_seed(0)
    return Model(HEADS[request.param](scores=SCORES))


def labels_of(*values):
    return torch.tensor(values)[:, None]


def test_the_first_of_the_scores_is_the_mos(model):
    vectors = torch.randn(5, 6)
    model.eval()
    means, variances = model.predict_all(vectors=vectors)
    assert means.shape == variances.shape == (5, 3) and (variances > 0).all()
    mean, variance = model.predict(vectors=vectors)
    assert torch.equal(mean, means[:, 0]) and torch.equal(variance, variances[:, 0])
    assert len({tuple(column.tolist()) for column in means.T}) == 3


def test_a_clip_without_a_label_adds_no_loss_and_no_gradient(model):
    vectors = torch.randn(4, 6)
    model.eval()  # batch normalisation would connect the clips
    batch = dict(vectors=vectors, mos=labels_of(1.0, 2.0, 3.0, 4.0))
    alone = model(**batch)["loss"]
    nan = torch.nan
    none = dict(mos_noi=labels_of(nan, nan, nan, nan), mos_col=labels_of(*[nan] * 4))
    assert model(**batch, **none)["loss"] == alone
    # noi of the second clip alone: as if the loss had this one term more
    vectors.requires_grad_(True)
    loss = model(**batch, mos_noi=labels_of(nan, 5.0, nan, nan))["loss"]
    mean, variance = (x[1, 1] for x in model.head.all_scores(vectors))
    term = 0.5 * (variance.log() + (5.0 - mean) ** 2 / variance) / 4
    torch.testing.assert_close((loss - alone).squeeze(), term)
    (gradient,) = torch.autograd.grad(loss - model(**batch)["loss"], vectors)
    assert gradient.isfinite().all()
    assert gradient[[0, 2, 3]].abs().max() < 1e-6 < 1e-4 < gradient[1].abs().max()


def test_the_last_layer_of_a_score_without_labels_stays():
    torch.manual_seed(0)
    head = HEADS["gaussian"](scores=SCORES)
    model = Model(head)
    noi = labels_of(4.0, torch.nan, 2.0)
    batch = dict(vectors=torch.randn(3, 6), mos=labels_of(1.0, 2.0, 3.0), mos_noi=noi)
    model(**batch)["loss"].backward()
    for last in (head.mean_mlp[-1], head.variance_mlp[-1]):
        mos, noi, col = last.weight.grad.abs().sum(dim=1)
        assert col == 0 < noi and mos > 0


def test_partial_labels_may_be_missing_clip_by_clip():
    torch.manual_seed(0)
    head = HEADS["composed"]().eval()
    vectors = torch.randn(3, 6, requires_grad=True)
    labels = dict.fromkeys(("band", "upper"), torch.full((3,), torch.nan))
    labels["low"] = torch.tensor([torch.nan, 2.0, torch.nan])
    (gradient,) = torch.autograd.grad(head.partial_loss(vectors, labels), vectors)
    assert gradient[[0, 2]].abs().max() == 0 < gradient[1].abs().max()


@pytest.mark.parametrize("name", list(HEADS))
def test_one_score_has_the_weights_that_it_always_had(name):
    torch.manual_seed(0)
    before = HEADS[name]()
    torch.manual_seed(0)
    after = HEADS[name](scores=["mos"])
    after.load_state_dict(before.state_dict())
    assert "further_mlp" not in "".join(before.state_dict())
    assert before.variance_mlp[-1].weight.shape == (1, 8)


def test_validation_sees_the_further_scores(model):
    vectors = torch.randn(3, 6)
    output = model.eval()(vectors=vectors, mos=labels_of(1.0, 2.0, 3.0))
    means, _ = model.head.all_scores(vectors)
    assert list(output["further"]) == ["noi", "col"]
    assert torch.equal(output["further"]["col"], means[:, 2])


def test_labels_become_numbers_of_the_heads_scores(tmp_path):
    (tmp_path / "mos_noi").write_text("a 2.5\n")
    (tmp_path / "mos_sig").write_text("a 1.5\nb 4\n")
    (tmp_path / "mos_std").write_text("a 0.5\nb 0.5\n")
    reader = ScoresReader(str(tmp_path))
    assert reader["a"] == {"noi": 2.5, "sig": 1.5} and reader["c"] == {}
    preprocess = LabelPreprocessor(
        scores=["noi", "col"], train=True, use_ssl=False, use_spectrogram=False
    )
    clip = dict(speech=torch.ones(16000).numpy() * 0.1, fs=torch.tensor([16000]))
    data = preprocess("a", {**clip, "scores": reader["a"]})
    assert list(data) == ["mos_noi", "mos_col"]
    assert data["mos_noi"] == [2.5] and data["mos_col"] != data["mos_col"]
    assert preprocess("a", dict(clip)) == {}  # of a set without such labels
