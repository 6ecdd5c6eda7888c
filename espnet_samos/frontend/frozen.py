"""Hold a frozen module inside a trained one."""

from typing import Any, Callable

import torch
from torch.nn.utils import parametrize, remove_weight_norm


def fold_weight_norm(module: torch.nn.Module) -> None:
    """Compute once what weight normalisation would compute at every call.

    The convolution of wav2vec 2.0's position encoding has it: 118 MB in XLS-R 2B. The
    module is changed, and can no longer be trained as it was.
    """
    for part in module.modules():
        if hasattr(part, "weight_g"):
            remove_weight_norm(part)
        elif parametrize.is_parametrized(part, "weight"):
            parametrize.remove_parametrizations(part, "weight")


class SameTypeLayerNorm(torch.nn.LayerNorm):
    """Layer normalisation that gives the type it gets; it computes in float32.

    Autocast gives float32 instead, and rounds it before the next matrix product: the
    same numbers at three times the memory traffic.
    """

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Normalise over the last dimensions."""
        weight, bias = (
            None if parameter is None else parameter.to(input.dtype)
            for parameter in (self.weight, self.bias)
        )
        with torch.autocast(input.device.type, enabled=False):
            return torch.nn.functional.layer_norm(
                input, self.normalized_shape, weight, bias, self.eps
            )


def same_type(norm: torch.nn.LayerNorm) -> SameTypeLayerNorm:
    """Return a layer normalisation that keeps bfloat16 under autocast, same weights."""
    same = SameTypeLayerNorm(norm.normalized_shape, norm.eps)
    same.weight, same.bias = norm.weight, norm.bias
    return same


def keep_types(module: torch.nn.Module) -> None:
    """Let the layer normalisations of a module keep bfloat16 under autocast."""
    for parent in module.modules():
        for name, norm in parent.named_children():
            # subclasses may do more
            if type(norm) is torch.nn.LayerNorm:
                setattr(parent, name, same_type(norm))


class Frozen(torch.nn.Module):
    """A module that is used, but is no part of the model that is trained.

    It follows `.to()`, `.half()` and `.cuda()`. Otherwise PyTorch does not see
    it: no parameters, no entries in the state dict, nothing for DDP to
    broadcast. It is always in evaluation mode. A graph leads through it only where
    its input needs gradients, as a waveform that is to be improved does.

    Args:
        module: The module to freeze.
    """

    def __init__(self, module: torch.nn.Module):
        super().__init__()
        # Inside a tuple it is not registered as a submodule.
        self._held = (module.eval().requires_grad_(False),)

    @property
    def module(self) -> torch.nn.Module:
        """The frozen module."""
        return self._held[0]

    def _apply(self, fn: Callable, recurse: bool = True) -> "Frozen":
        # .to(), .half(), .cuda() and the like all come through here.
        self.module._apply(fn, recurse)
        return super()._apply(fn, recurse)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the module, whose weights get no gradients."""
        return self.module(*args, **kwargs)
