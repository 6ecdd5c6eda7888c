"""A trained model as ONNX graphs, as the predictor uses it. No torch here."""

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Dict, Sequence, Tuple

import numpy as np

from espnet_samos.audio.preprocessor import MosPreprocessor
from espnet_samos.model_zoo.find import TrainedModel
from espnet_samos.utils.config import read_config
from espnet_samos.utils.files import add_file
from espnet_samos.utils.score_names import MOS, check_scores

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

ENGINES = ("auto", "torch", "onnx")
# The graphs of a model are in this folder beside its configuration: one for each input,
# in the order in which the head takes their vectors.
FOLDER = "onnx"
BRANCHES = {"speech_16k": "ssl", "speech_48k": "spectrogram"}
HEAD = "head"
DIGEST = "weights.sha256"  # of the weights that the graphs were made of
# Silence after a clip that is left to a graph which needs none: more than the CNN of
# the light SSL frontend looks ahead (0.18 s). In steps: there are few lengths, then.
MARGIN_SECONDS = 0.2
STEP_SECONDS = 0.08


def weights_digest(model_file: Path) -> str:
    """Return the SHA-256 digest of a file of weights, in hexadecimal digits."""
    return add_file(hashlib.sha256(), model_file).hexdigest()


def graphs(files: TrainedModel) -> Dict[str, Path]:
    """Return the graphs that come with a model, by part.

    Empty where there are none, or those there are were made of other weights.
    """
    folder = files.train_config.parent / FOLDER
    digest = folder / DIGEST
    if not digest.is_file() or digest.read_text() != weights_digest(files.model_file):
        return {}
    found = {
        part: folder / f"{part}.onnx"
        for part in (*BRANCHES.values(), HEAD)
        if (folder / f"{part}.onnx").is_file()
    }
    return found if HEAD in found and len(found) > 1 else {}


def takes_any_length(session: "InferenceSession") -> bool:
    """Return whether a branch's graph takes windows of any number of 20 ms frames."""
    return not isinstance(session.get_inputs()[0].shape[1], int)


def without_padding(speech: np.ndarray, fs: int) -> np.ndarray:
    """Leave out most of the silence after the longest clip of a batch.

    Args:
        speech: Windows (NWindows, NSamples).
        fs: Their sampling rate in Hz.

    Returns:
        Their first samples (NWindows, NSamples').
    """
    after = int(speech.any(axis=0)[::-1].argmax())
    num_samples = speech.shape[1] - after + round(MARGIN_SECONDS * fs)
    step = round(STEP_SECONDS * fs)
    return speech[:, : -(-num_samples // step) * step]


class OnnxEngine:
    """Computes scores by ONNX Runtime, on the CPU.

    As PyTorch, it takes as many threads as there are cores, or `OMP_NUM_THREADS`. A
    short clip takes less time than a long one, where the graphs ignore the silence
    after it.

    Args:
        files: The model, which has graphs.

    Raises:
        ImportError: onnxruntime is not installed.
        ValueError: The model has no graphs, or one is damaged.
    """

    name = "onnx"
    device = "cpu"

    def __init__(self, files: TrainedModel):
        import onnxruntime

        paths = graphs(files)
        if not paths:
            raise ValueError(
                f"{files.train_config.parent} has no folder {FOLDER} with graphs of "
                f"{files.model_file.name}: make it with samos export, or use torch"
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS") or 0)
        # threads that wait need not keep a core busy
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.sessions = {}
        for part, path in paths.items():
            try:
                self.sessions[part] = onnxruntime.InferenceSession(
                    str(path), options, providers=["CPUExecutionProvider"]
                )
            except Exception as e:
                # onnxruntime raises exceptions of its own
                raise ValueError(f"{path} cannot be read as a graph: {e}") from e
        self.config = read_config(files.train_config)
        head_conf = self.config.get("head_conf") or {}
        self.scores: Tuple[str, ...] = check_scores(head_conf.get("scores") or (MOS,))
        self.rates = self.preprocessor().rates()

    def preprocessor(self) -> MosPreprocessor:
        """Build the audio path from a clip to the windows of the model."""
        return MosPreprocessor(
            train=False,
            use_ssl="ssl" in self.sessions,
            use_spectrogram="spectrogram" in self.sessions,
            **(self.config.get("preprocessor_conf") or {}),
        )

    def predict(
        self, windows: Sequence[Dict[str, np.ndarray]]
    ) -> Tuple[np.ndarray, np.ndarray]:
        """Score windows: means and standard deviations (NWindows, NScores)."""
        vectors = []
        for name, part in BRANCHES.items():
            if part in self.sessions:
                # (NSamples,) -> (NWindows, NSamples) -> (NWindows, Dim)
                speech = np.stack([window[name] for window in windows])
                session = self.sessions[part]
                if takes_any_length(session):
                    # (NWindows, NSamples) -> (NWindows, NSamples')
                    speech = without_padding(speech, self.rates[name])
                vectors.append(session.run(None, {"speech": speech})[0])
        vector = np.concatenate(vectors, axis=1)
        mean, variance = self.sessions[HEAD].run(None, {"vector": vector})
        # a graph of one score gives (NWindows,)
        shape = (len(windows), len(self.scores))
        return mean.reshape(shape), np.sqrt(variance).reshape(shape)
