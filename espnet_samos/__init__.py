"""Speech quality prediction (MOS) at any sampling rate: an ESPnet plugin.

Importing this package imports neither torch nor ESPnet; `MosPredictor` brings them
when it is asked for.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["MosPredictor", "MosResult", "WindowScore"]

if TYPE_CHECKING:
    from espnet_samos.predictor import MosPredictor
    from espnet_samos.result import MosResult, WindowScore


def __getattr__(name: str) -> Any:
    if name == "MosPredictor":
        from espnet_samos import predictor as module
    elif name in ("MosResult", "WindowScore"):
        from espnet_samos import result as module
    else:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(module, name)
