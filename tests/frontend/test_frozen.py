import copy

import pytest
import torch

from espnet_samos.frontend.frozen import Frozen, fold_weight_norm, keep_types


def module():
    return torch.nn.Sequential(
        torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3), torch.nn.Dropout(0.5)
    )


def test_is_no_part_of_the_module_around_it():
    model = torch.nn.Sequential(Frozen(module()), torch.nn.Linear(3, 1))
    assert {name for name, _ in model.named_parameters()} == {"1.weight", "1.bias"}
    assert set(model.state_dict()) == {"1.weight", "1.bias"}
    assert not list(model.buffers())


def test_stays_in_evaluation_without_a_graph():
    frozen = Frozen(module())
    x = torch.randn(5, 4)
    before = frozen(x)
    after = frozen.train()(x)
    assert torch.equal(before, after)
    assert after.grad_fn is None and not after.requires_grad


def test_gives_gradients_to_an_input_that_needs_them_and_not_to_weights():
    frozen = Frozen(module())
    x = torch.randn(5, 4, requires_grad=True)
    frozen(x).square().sum().backward()
    assert x.grad.abs().min() > 0
    assert all(p.grad is None for p in frozen.module.parameters())


def test_follows_dtype_and_device():
    model = torch.nn.Sequential(Frozen(module()))
    twin = copy.deepcopy(model).half()
    assert twin(torch.ones(2, 4, dtype=torch.float16)).dtype == torch.float16
    assert twin.to("meta")(torch.ones(2, 4, device="meta")).device.type == "meta"
    assert model(torch.ones(2, 4)).dtype == torch.float32


@pytest.mark.parametrize(
    "weight_norm",
    (torch.nn.utils.weight_norm, torch.nn.utils.parametrizations.weight_norm),
)
def test_weight_norm_is_folded(weight_norm):
    torch.manual_seed(0)
    module = torch.nn.Sequential(weight_norm(torch.nn.Conv1d(4, 6, 3), dim=2))
    x = torch.randn(2, 4, 10)
    expected = module(x)
    fold_weight_norm(module)
    assert list(module.state_dict()) == ["0.bias", "0.weight"]
    assert torch.equal(module(x), expected)


def test_autocast_passes_through_layer_normalisation():
    """What the next matrix product gets is what autocast's float32, rounded, gives."""
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.LayerNorm(64))
    x = torch.randn(7, 64)
    with torch.autocast("cpu", torch.bfloat16):
        expected = module(x)
        keep_types(module)
        actual = module(x)
    assert actual.dtype == torch.bfloat16
    assert torch.equal(actual, expected.to(torch.bfloat16))
    x = torch.randn(7, 64)
    plain = torch.nn.LayerNorm(64)
    assert torch.equal(module[1](x), plain(x))


def test_layer_normalisation_of_another_kind_is_left():
    class Transposed(torch.nn.LayerNorm):
        def forward(self, x):
            return super().forward(x.transpose(1, 2)).transpose(1, 2)

    module = torch.nn.Sequential(Transposed(4), torch.nn.LayerNorm(5))
    x = torch.randn(2, 4, 5)
    expected = module(x)
    keep_types(module)
    assert torch.equal(module(x), expected)
