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
