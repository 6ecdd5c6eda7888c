"""Optional dependencies: which extra of this package brings which module."""

import sys
from importlib import import_module
from types import ModuleType

# those of setup.py
EXTRAS = {
    "data": (
        *("huggingface_hub", "matplotlib", "openpyxl", "pandas", "pyarrow", "scipy"),
    ),
    "datasets": ("datasets",),
    "demo": ("gradio",),
    "espnet": ("distillmos", "kaldiio", "s3prl", "sentencepiece"),
    "formats": ("av",),
    "onnx": ("onnx", "onnxscript"),
    "peers": ("librosa", "requests", "speechmos"),
    "torch": ("espnet2", "humanfriendly", "torch", "torchaudio"),
    "torchmetrics": ("torchmetrics",),
}
# the Pythons that ESPnet runs on
ESPNET_EXTRAS = ("espnet", "onnx", "torch", "torchmetrics")
ESPNET_PYTHON = (3, 12)


def remedy(error: ImportError) -> str:
    """Return what an import failed for, and what to install where that is known."""
    top = (error.name or "").split(".")[0]
    extra = next((extra for extra, names in EXTRAS.items() if top in names), None)
    if extra is None or not isinstance(error, ModuleNotFoundError):
        return str(error)
    text = f'{top} is not installed: pip install "espnet_samos[{extra}]"'
    if extra in ESPNET_EXTRAS and sys.version_info < ESPNET_PYTHON:
        text += " in Python 3.12 or 3.13"
    return text


def need(module: str) -> ModuleType:
    """Import a module that an extra brings.

    Raises:
        ImportError: It, or what it needs, is not installed; the message says what to
            install.
    """
    try:
        return import_module(module)
    except ImportError as e:
        raise ImportError(remedy(e), name=e.name) from e
