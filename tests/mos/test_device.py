"""Models on a GPU, as far as that can be known without one.

PyTorch's fake tensors have a device and no numbers: an operation on tensors of two
devices fails as it would on a GPU, and so does asking for a number, which would make
the processor wait for the device.
"""

import contextlib
import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch._subclasses import FakeTensorMode

from espnet_samos import MosPredictor
from espnet_samos.frontend.ssl_layer import SslLayerFrontend
from espnet_samos.integrations.functional import mos_score
from espnet_samos.mos.device import full_precision
from espnet_samos.mos.gaussian_head import GaussianHead
from tests.frontend.checkpoints import make_checkpoint
from tests.tiny_model import speechlike

BATCH = 3


@contextlib.contextmanager
def fake_cuda(module):
    """Yield a copy of a module on a GPU that is not there; it cannot go backwards."""
    module = copy.deepcopy(module)
    swap = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    try:
        with FakeTensorMode(allow_non_fake_inputs=True):
            yield module.to("cuda")
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(swap)


@pytest.fixture(scope="module")
def predictor():
    return MosPredictor.from_pretrained(engine="torch")


@pytest.fixture(scope="module", params=["gaussian", "aligned"])
def model(request, predictor):
    model = copy.deepcopy(predictor.model)
    if request.param == "aligned":
        input_size = model.head.norm.num_features
        model.head = GaussianHead(input_size, corpora=["a", "b"])
    return model.requires_grad_(True)


def windows(seconds):
    """Make windows on the device; their lengths are all that is asked for."""
    return {
        f"speech_{fs // 1000}k": torch.randn(BATCH, round(seconds * fs), device="cuda")
        for fs in (16000, 48000)
    }


def lengths(seconds):
    return {
        f"speech_{fs // 1000}k_lengths": torch.full((BATCH,), round(seconds * fs))
        for fs in (16000, 48000)
    }


def test_the_model_scores_and_trains_on_its_device(model, predictor):
    seconds = predictor.window_seconds
    known = lengths(seconds)
    with fake_cuda(model) as fake:
        assert {p.device.type for p in fake.parameters()} == {"cuda"}
        with torch.no_grad():
            mean, variance = fake.eval().predict(**windows(seconds), **known)
        assert (mean.shape, mean.device.type) == ((BATCH,), "cuda")
        assert (variance.shape, variance.device.type) == ((BATCH,), "cuda")
        labels = dict(
            mos=torch.rand(BATCH, 1, device="cuda"),
            corpus=torch.zeros(BATCH, 1, dtype=torch.long, device="cuda"),
        )
        output = fake.train()(**labels, **windows(seconds), **known)
        assert output["loss"].device.type == "cuda"


@pytest.mark.parametrize("family", ["wav2vec2", "hubert", "wavlm", "data2vec"])
def test_ssl_models_run_on_their_device(family, tmp_path):
    path = make_checkpoint(tmp_path, f"{family}_local", pre_norm=family != "data2vec")
    frontend = SslLayerFrontend(
        frontend_conf=dict(upstream=f"{family}_local", path_or_url=path), layer=2
    )
    known = torch.full((BATCH,), 16000)
    with fake_cuda(frontend) as fake:
        feats, _ = fake(torch.randn(BATCH, 16000, device="cuda"), known)
    assert feats.device.type == "cuda"
    assert feats.shape == (BATCH, 49, frontend.output_size())


@pytest.mark.parametrize("settings", ["matmul", "conv", "autocast"])
def test_a_score_does_not_depend_on_settings_of_torch(predictor, settings):
    clip = speechlike(2.0, 24000)
    expected = predictor.predict(clip, 24000).mean
    expected_loss = mos_score(torch.from_numpy(clip), 24000, predictor).item()
    conv = torch.backends.mkldnn.conv
    try:
        if settings == "matmul":
            torch.set_float32_matmul_precision("medium")
        elif settings == "conv":
            conv.fp32_precision = "bf16"
        with torch.autocast("cpu", torch.bfloat16, enabled=settings == "autocast"):
            assert predictor.predict(clip, 24000).mean == expected
            actual = mos_score(torch.from_numpy(clip), 24000, predictor).item()
        assert actual == expected_loss
        if settings == "conv":
            assert conv.fp32_precision == "bf16"
    finally:
        torch.set_float32_matmul_precision("highest")
        conv.fp32_precision = "none"


def test_full_precision_on_a_gpu_is_without_tf32():
    conv, matmul = torch.backends.cudnn.conv, torch.backends.cuda.matmul
    before = (conv.fp32_precision, matmul.fp32_precision)
    with pytest.raises(KeyError), full_precision("cuda"):
        assert conv.fp32_precision == matmul.fp32_precision == "ieee"
        raise KeyError
    assert (conv.fp32_precision, matmul.fp32_precision) == before


def test_a_device_that_is_not_there_is_named():
    missing = "cuda:7" if torch.cuda.device_count() < 8 else "cuda:99"
    for device in (missing, "gpu"):
        with pytest.raises(ValueError, match=f"'{device}' cannot be used .* has cpu"):
            MosPredictor.from_pretrained(device=device)


def test_a_full_device_says_what_helps(predictor, monkeypatch):
    def full(**batch):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    monkeypatch.setattr(predictor.model, "predict_all", full)
    with pytest.raises(MemoryError, match="too small for 1 windows .* batch_size"):
        predictor.predict(speechlike(2.0, 24000), 24000)


def test_the_loss_is_torchs():
    torch.manual_seed(0)
    head = GaussianHead(4)
    mean, mos = torch.randn(2, 50)
    # below the minimum as well
    variance = torch.logspace(-9, 1, 50).requires_grad_(True)
    loss = head.loss(mean, variance, mos)
    (actual,) = torch.autograd.grad(loss, variance)
    reference = F.gaussian_nll_loss(mean, mos, variance)
    (expected,) = torch.autograd.grad(reference, variance)
    assert loss.item() == pytest.approx(reference.item(), rel=1e-6)
    np.testing.assert_allclose(actual, expected, rtol=1e-5)
