"""Scoring the audio of Hugging Face datasets. No torch here."""

import io
from functools import partial
from typing import TYPE_CHECKING, Any, Dict, Tuple

import numpy as np
import soundfile

from espnet_samos.audio.reading import AudioError, read_audio

if TYPE_CHECKING:
    from espnet_samos.inference.predictor import MosPredictor


def decode(audio: Any) -> Tuple[np.ndarray, int]:
    """Return the samples of an entry of an `Audio` column.

    Args:
        audio: A file's name, or any of the forms that `datasets` gives: `bytes` and
            `path` of `Audio(decode=False)`, where `path` may be remote; `array` and
            `sampling_rate`; or torchcodec's decoder.

    Returns:
        Samples, floats in [-1, 1], (NSamples,) or (NSamples, NChannels), and their rate
        in Hz.

    Raises:
        AudioError: It cannot be read, or is none of these.
    """
    if hasattr(audio, "get_all_samples"):
        try:
            decoded = audio.get_all_samples()
        except RuntimeError as e:
            raise AudioError(f"cannot be decoded: {e}") from e
        # (NChannels, NSamples) -> (NSamples, NChannels)
        return decoded.data.T.numpy(), int(decoded.sample_rate)
    if isinstance(audio, str):
        audio = {"path": audio}
    if not isinstance(audio, dict):
        raise AudioError(f"no audio, but {type(audio).__name__}")
    if audio.get("array") is not None:
        return np.asarray(audio["array"]), int(audio["sampling_rate"])
    if audio.get("bytes") is not None:
        return _read(io.BytesIO(audio["bytes"]), audio.get("path") or "bytes")
    path = audio.get("path")
    if path is None:
        raise AudioError("no audio: neither array nor bytes nor path")
    if "://" not in path:
        return read_audio(path)
    # datasets' own way to files on hubs and inside of archives
    import fsspec

    try:
        with fsspec.open(path, "rb") as file:
            content = file.read()
    except Exception as e:
        # every protocol has exceptions of its own
        raise AudioError(f"cannot be read: {path} ({type(e).__name__}: {e})") from e
    return _read(io.BytesIO(content), path)


def _read(file: io.BytesIO, name: str) -> Tuple[np.ndarray, int]:
    try:
        return soundfile.read(file, dtype="float32")
    except (soundfile.LibsndfileError, RuntimeError) as e:
        raise AudioError(f"cannot be read as audio: {name} ({e})") from e


class ScoreAudio:
    """Score a column of audio: a function for `Dataset.map`, streaming or not.

    It adds `mos`, `mos_std` (NaN where a clip could not be scored), `mos_bandwidth` in
    Hz and `mos_error`, the reason why a clip could not be scored, or empty. Clips have
    to come at their own rate: `Audio(sampling_rate=16000)` would take away what is
    above 8 kHz.

    Args:
        predictor: The trained model.
        column: The column with the audio: of `Audio` features, decoded or not, or of
            names of files.
        batch_size: Windows in a batch.
        num_workers: Threads that read and resample; 0 does without.

    Example:
        dataset = dataset.cast_column("audio", Audio(decode=False))
        scored = dataset.map(ScoreAudio(predictor), batched=True, batch_size=32)
    """

    def __init__(
        self,
        predictor: "MosPredictor",
        column: str = "audio",
        batch_size: int = 8,
        num_workers: int = 2,
    ):
        self.predictor = predictor
        self.column = column
        self.batch_size = batch_size
        self.num_workers = num_workers

    def __call__(self, examples: Dict[str, Any]) -> Dict[str, Any]:
        """Score one example, or several, as `map(..., batched=True)` gives them."""
        column = examples[self.column]
        batched = isinstance(column, list)
        clips = [
            (f"{self.column} {i}", partial(decode, audio))
            for i, audio in enumerate(column if batched else [column])
        ]
        results = list(
            self.predictor.predict_clips(clips, self.batch_size, self.num_workers)
        )
        columns = dict(
            mos=[result.mean for result in results],
            mos_std=[result.std for result in results],
            mos_bandwidth=[result.bandwidth for result in results],
            mos_error=[result.error or "" for result in results],
        )
        if batched:
            return columns
        return {name: values[0] for name, values in columns.items()}
