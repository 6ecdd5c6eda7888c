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
def default_tensors() -> Iterator[None]:
    """Make tensors as PyTorch does by default: float32, on the CPU, with gradients.

    The caller's default dtype and device, and inference mode, are left.
    """
    dtype = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(torch.inference_mode(False))
            if torch.get_default_device().type != "cpu":  # as it costs time
                stack.enter_context(torch.device("cpu"))
            yield
    finally:
        torch.set_default_dtype(dtype)


@contextlib.contextmanager
def full_precision(device_type: str) -> Iterator[None]:
    """Compute in float32 without TF32 or bfloat16, and outside autocast.

    PyTorch's defaults are those of `default_tensors`.

    By default cuDNN rounds the inputs of float32 convolutions to TF32, which has ten
    bits of mantissa; `torch.set_float32_matmul_precision` does the same to matrix
    products, on CPUs too. A score must not depend on either. The autocast that is left
    is that of `device_type`: `cpu`, `cuda` or `mps`.
    """
    # PyTorch puts objects in the place of these modules, with more attributes
    cudnn: Any = torch.backends.cudnn
    mkldnn: Any = torch.backends.mkldnn
    backends = (cudnn.conv, torch.backends.cuda.matmul, mkldnn.conv, mkldnn.matmul)
    before = [backend.fp32_precision for backend in backends]
    try:
        for backend in backends:
            backend.fp32_precision = "ieee"
        with default_tensors(), torch.autocast(device_type, enabled=False):
            yield
    finally:
        for backend, precision in zip(backends, before, strict=True):
            backend.fp32_precision = precision
