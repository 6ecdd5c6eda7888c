"""Speech quality prediction (MOS) at any sampling rate: an ESPnet plugin.

Importing this package imports neither torch nor ESPnet; what is asked for brings them.
"""

from typing import TYPE_CHECKING, Any

from espnet_samos.utils.extras import need

__version__ = "0.1.0"
__all__ = [
    "LiveScorer",
    "MosPredictor",
    "MosResult",
    "SamosMos",
    "ScoreAudio",
    "WindowScore",
    "mos_score",
    "score_sheet",
]

if TYPE_CHECKING:
    from espnet_samos.inference.live import LiveScorer
    from espnet_samos.inference.predictor import MosPredictor
    from espnet_samos.inference.result import MosResult, WindowScore
    from espnet_samos.integrations.datasets import ScoreAudio
    from espnet_samos.integrations.functional import mos_score
    from espnet_samos.integrations.sheet import score_sheet
    from espnet_samos.integrations.torchmetrics import SamosMos

_MODULES = {
    "LiveScorer": "inference.live",
    "MosPredictor": "inference.predictor",
    "MosResult": "inference.result",
    "SamosMos": "integrations.torchmetrics",
    "ScoreAudio": "integrations.datasets",
    "WindowScore": "inference.result",
    "mos_score": "integrations.functional",
    "score_sheet": "integrations.sheet",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(need(f"{__name__}.{_MODULES[name]}"), name)
