"""The base of published predictors of others."""

import importlib.util
from abc import ABC, abstractmethod
from importlib.metadata import version
from typing import Dict, List, Sequence, Tuple

import numpy as np

from espnet_samos.audio.resampling import resample


class AbsPeer(ABC):
    """A predictor that is not ours.

    Attributes:
        package: What has it, on PyPI.
        needs: Further packages without which it cannot run.
        names: Its scores.
        fs: The sampling rate in Hz that it operates at.
    """

    package: str
    needs: Tuple[str, ...] = ()
    names: Tuple[str, ...]
    fs: int

    @classmethod
    def missing(cls) -> List[str]:
        """List the packages that it needs and that are not installed."""
        packages = (cls.package, *cls.needs)
        return [name for name in packages if importlib.util.find_spec(name) is None]

    @classmethod
    def version(cls) -> str:
        """Return the package with its version."""
        return f"{cls.package} {version(cls.package)}"

    def scores(self, samples: np.ndarray, fs: int) -> Dict[str, float]:
        """Score a clip: float samples (NSamples,) in [-1, 1] at `fs` Hz.

        Returns:
            A score, 1..5, for each of `names`.
        """
        # resampling overshoots where a clip is at full scale
        resampled = resample(samples, fs, self.fs).clip(-1, 1)
        scores = self._scores(resampled)
        return dict(zip(self.names, map(float, scores), strict=True))

    @abstractmethod
    def _scores(self, samples: np.ndarray) -> Sequence[float]:
        """Score float32 samples (NSamples,) at the peer's own rate."""
