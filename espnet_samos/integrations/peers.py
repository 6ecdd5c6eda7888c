"""Published predictors of others, each as its package has it, on the CPU.

A new one is a class here and a line in `PEERS`.
"""

import contextlib
import importlib.util
import io
from abc import ABC, abstractmethod
from importlib.metadata import version
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple, Type

import numpy as np

from espnet_samos.audio.reading import AudioError, check_audio
from espnet_samos.audio.resampling import resample
from espnet_samos.inference.clips import Source, open_source


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


class DistillMos(AbsPeer):
    """Distill-MOS (Stahl and Gamper): a small model distilled from XLS-R. MIT."""

    package = "distillmos"
    names = ("distillmos",)
    fs = 16000

    def __init__(self) -> None:
        from distillmos import ConvTransformerSQAModel

        # It prints where its weights are.
        with contextlib.redirect_stdout(io.StringIO()):
            self.model = ConvTransformerSQAModel().eval()

    def _scores(self, samples: np.ndarray) -> Sequence[float]:
        import torch

        with torch.inference_mode():
            # (NSamples,) -> (1, NSamples) -> (1, 1)
            return [self.model(torch.from_numpy(samples)[None]).item()]


class Dnsmos(AbsPeer):
    """DNSMOS (Reddy et al.): overall quality by P.808 and by P.835. MIT."""

    package = "speechmos"
    needs = ("librosa", "onnxruntime", "requests")
    names = ("dnsmos_p808", "dnsmos_ovrl")
    fs = 16000

    def __init__(self) -> None:
        import onnxruntime
        from speechmos import dnsmos

        folder = Path(dnsmos.__file__).parent / "dnsmos_models"
        files = folder / "sig_bak_ovr.onnx", folder / "model_v8.onnx"
        self.model = dnsmos.DNSMOS(*map(str, files))
        # The package's own sessions take all cores.
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.model.onnx_sess, self.model.p808_onnx_sess = (
            onnxruntime.InferenceSession(str(file), options) for file in files
        )

    def _scores(self, samples: np.ndarray) -> Sequence[float]:
        result = self.model(samples, self.fs, is_personalized_MOS=False)
        return result["p808_mos"], result["ovrl_mos"]


PEERS: Dict[str, Type[AbsPeer]] = {
    "distillmos": DistillMos,
    "dnsmos": Dnsmos,
}


def choose_peers(
    names: Optional[Sequence[str]] = None,
) -> Tuple[Dict[str, Type[AbsPeer]], List[str]]:
    """Choose peers by name, or all that are installed.

    Returns:
        The peers by name, and for each that is left out why, and what to install.

    Raises:
        ValueError: There is no peer of this name.
        ImportError: A peer that was asked for is not installed.
    """
    chosen, left_out = {}, []
    for name in dict.fromkeys(PEERS if names is None else names):
        if name not in PEERS:
            raise ValueError(f"no peer '{name}': there are {', '.join(PEERS)}")
        if missing := PEERS[name].missing():
            left_out.append(
                f"{name} needs {' and '.join(missing)}: pip install "
                f"{' '.join(missing)}, or this package with [peers]"
            )
        else:
            chosen[name] = PEERS[name]
    if left_out and names is not None:
        raise ImportError("; ".join(left_out))
    return chosen, left_out


def score_clips(
    peer: AbsPeer, clips: Iterable[Tuple[str, Source]]
) -> Iterator[Tuple[str, Dict[str, Any], float]]:
    """Score clips as `MosPredictor.predict_clips` takes them.

    Several channels are mixed down, as the predictor does it.

    Yields:
        The name of each clip, its scores by name, and its length in seconds.

    Raises:
        AudioError: A clip cannot be scored; the message names it.
    """
    for name, source in clips:
        try:
            blocks = open_source(source, "downmix", name)
            samples = np.concatenate([np.zeros(0, np.float32), *blocks])
            check_audio(samples, blocks.fs)
            scores = peer.scores(samples, blocks.fs)
        except Exception as e:
            raise AudioError(f"{name} cannot be scored by {peer.package}: {e}") from e
        yield name, scores, len(samples) / blocks.fs
