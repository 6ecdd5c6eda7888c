"""Scoring the audio of Hugging Face datasets. No torch here."""

import io
from functools import partial
from typing import TYPE_CHECKING, Any, Dict, Mapping

import numpy as np

from espnet_samos.audio.reading import AudioError
from espnet_samos.inference.clips import Audio
from espnet_samos.inference.result import score_columns

if TYPE_CHECKING:
    from espnet_samos.inference.predictor import MosPredictor


def decode(audio: Any) -> Audio:
    """Return what an entry of an `Audio` column has, as `predict_clips` takes it.

    Args:
        audio: A file's name, or any of the forms that `datasets` gives: `bytes` and
            `path` of `Audio(decode=False)`, where `path` may be remote; `array` and
            `sampling_rate`; or torchcodec's decoder.

    Returns:
        A file, an open one, or samples and their rate in Hz.

    Raises:
        AudioError: It cannot be read, or is none of these.
    """
    if hasattr(audio, "get_all_samples"):
        try:
            decoded = audio.get_all_samples()
        except RuntimeError as e:
            raise AudioError(f"cannot be decoded: {e}") from e
        return decoded.data, decoded.sample_rate
    if isinstance(audio, str):
        audio = {"path": audio}
    if not isinstance(audio, Mapping):
        raise AudioError(f"no audio, but {type(audio).__name__}")
    if audio.get("array") is not None:
        return np.asarray(audio["array"]), audio["sampling_rate"]
    if audio.get("bytes") is not None:
        return io.BytesIO(audio["bytes"])
    path = audio.get("path")
    if path is None:
        raise AudioError("no audio: neither array nor bytes nor path")
    if "://" not in path:
        return path
    # datasets' own way to files on hubs and inside of archives
    import fsspec

    try:
        with fsspec.open(path, "rb") as file:
            content = file.read()
    except Exception as e:
        # every protocol has exceptions of its own
        raise AudioError(f"cannot be read: {path} ({type(e).__name__}: {e})") from e
    return io.BytesIO(content)


class ScoreAudio:
    """Score a column of audio: a function for `Dataset.map`, streaming or not.

    It adds `mos`, `mos_std` (NaN where a clip could not be scored), `mos_bandwidth` in
    Hz and `mos_error`, the reason why a clip could not be scored, or empty; and
    `mos_<name>` and `mos_<name>_std` of the model's further scores. Clips have to come
    at their own rate: `Audio(sampling_rate=16000)` would take away what is above 8 kHz.

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

    def __call__(self, examples: Any) -> Dict[str, Any]:
        """Score one example, or several, as `map(..., batched=True)` gives them.

        Args:
            examples: By the names of columns: a dictionary or, of a formatted dataset,
                a table of pandas or pyarrow.
        """
        column = examples[self.column]
        if hasattr(column, "to_pylist"):  # of pyarrow
            column = column.to_pylist()
        # one entry is a name, a dictionary or a decoder; several are in any container
        batched = not isinstance(column, (str, Mapping)) and hasattr(column, "__len__")
        clips = []
        for i, audio in enumerate(column if batched else [column]):
            path = audio.get("path") if isinstance(audio, Mapping) else None
            clips.append((path or f"{self.column} {i}", partial(decode, audio)))
        results = list(
            self.predictor.predict_clips(clips, self.batch_size, self.num_workers)
        )
        columns = dict(
            mos=[result.mean for result in results],
            mos_std=[result.std for result in results],
            mos_bandwidth=[result.bandwidth for result in results],
            mos_error=[result.error or "" for result in results],
        )
        rows = [result.as_dict() for result in results]
        for name in score_columns(self.predictor.scores[1:]):
            columns[name] = [row[name] for row in rows]
        if batched:
            return columns
        return {name: values[0] for name, values in columns.items()}
