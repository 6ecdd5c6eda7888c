"""Where and how precisely a model computes."""

import contextlib
from typing import Any, Iterator, List

import torch


def available_devices() -> List[str]:
    """List the devices of this machine that PyTorch can use: `cpu`, `cuda:0`, ..."""
    return [
        "cpu",
        *(f"cuda:{i}" for i in range(torch.cuda.device_count())),
        *(["mps"] if torch.backends.mps.is_available() else []),
    ]


def check_device(device: str) -> None:
    """Check that this machine has a device.

    Raises:
        ValueError: It has not, or there is no device of this name.
    """
    try:
        torch.empty(0, device=device)
    # PyTorch without CUDA has an AssertionError for it
    except (RuntimeError, AssertionError) as e:
        reason = (str(e).splitlines() or [type(e).__name__])[0]
        raise ValueError(
            f"device '{device}' cannot be used ({reason}); this machine has "
            f"{', '.join(available_devices())}"
        ) from e


@contextlib.contextmanager
def full_precision(device_type: str) -> Iterator[None]:
    """Compute in float32 without TF32 or bfloat16, and outside autocast.

    By default cuDNN rounds the inputs of float32 convolutions to TF32, which has ten
    bits of mantissa; `torch.set_float32_matmul_precision` does the same to matrix
    products, on CPUs too. A score must not depend on either.

    Args:
        device_type: Whose autocast is left: `cpu`, `cuda` or `mps`.
    """
    # PyTorch puts objects in the place of these modules, with more attributes
    cudnn: Any = torch.backends.cudnn
    mkldnn: Any = torch.backends.mkldnn
    backends = (cudnn.conv, torch.backends.cuda.matmul, mkldnn.conv, mkldnn.matmul)
    before = [backend.fp32_precision for backend in backends]
    try:
        for backend in backends:
            backend.fp32_precision = "ieee"
        with torch.autocast(device_type, enabled=False):
            yield
    finally:
        for backend, precision in zip(backends, before, strict=True):
            backend.fp32_precision = precision
