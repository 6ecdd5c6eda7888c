"""Scoring clips with a trained model."""

import copy
import functools
import itertools
import math
import os
from collections import deque
from importlib.util import find_spec
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Callable,
    Deque,
    Iterable,
    Iterator,
    List,
    Optional,
    Sequence,
    Sized,
    Tuple,
    Union,
)

import numpy as np
from tqdm import tqdm

from espnet_samos.audio.reading import AudioError, check_multichannel
from espnet_samos.audio.windows import Window, check_hop, check_windows
from espnet_samos.inference.clips import Clip, Source
from espnet_samos.inference.comparison import PairResult, compare_results
from espnet_samos.inference.onnx_engine import ENGINES, OnnxEngine, graphs
from espnet_samos.inference.prefetch import prefetch
from espnet_samos.inference.result import MosResult, Score, WindowScore, mixture
from espnet_samos.model_zoo.find import CONFIG, DEFAULT_MODEL, TrainedModel, find_model
from espnet_samos.utils.config import read_config
from espnet_samos.utils.files import printable

if TYPE_CHECKING:
    import torch

    from espnet_samos.inference.torch_engine import TorchEngine
    from espnet_samos.mos.espnet_model import ESPnetMosModel

MAX_BFLOAT16_DIFFERENCE = 0.01


def check_batch_size(batch_size: int) -> int:
    """Return a number of windows in a batch.

    Raises:
        ValueError: It is less than 1.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}: give at least 1")
    return batch_size


def number_of_workers(num_workers: int) -> int:
    """Return a number of threads, where -1 stands for as many as there are cores.

    Raises:
        ValueError: It is less than -1.
    """
    if num_workers < -1:
        raise ValueError(
            f"num_workers is {num_workers}: give 0 or more, or -1 for all cores"
        )
    return (os.cpu_count() or 1) if num_workers == -1 else num_workers


def _clip_name(pair: str, letter: str, source: Source) -> str:
    if isinstance(source, (str, Path)):
        return printable(source)
    return f"{pair}, clip {letter}"


class MosPredictor:
    """A trained model, ready to score clips of any rate and length.

    A clip that fits into the model's window (10 s in the published model) is repeated
    until that is full, or silence follows it (`pad_short_clips`). A longer one is
    scored window by window, and its score is the mean and the standard deviation of the
    mixture of what the windows predict, each with the weight of the time that it stands
    for and of the sound in it. A score does not depend on the other
    clips, their order, the batches or PyTorch's settings.

    Args:
        model_file: The weights, e.g. `valid.lcc.best.pth`.
        train_config: `config.yaml` of the training; by default the one beside
            `model_file`.
        device: `cpu`, `cuda`, `cuda:N` or `mps`.
        dtype: `float32`, or `bfloat16` for the SSL model; the rest is computed in
            float32.
        multichannel: `downmix` takes the mean of a clip's channels, and warns where
            they differ; `error` refuses clips of several.
        windows: Which windows of a long clip are scored: `all`, or the `first`, as the
            published model does it.
        trust: Take a model whose frontend can run code that comes with it, or download
            from anywhere.
        engine: `onnx` for ONNX Runtime, which needs no PyTorch and starts at once;
            `torch`; or `auto`, the first where it can be: on the CPU in float32, with
            onnxruntime installed, and a model that comes with graphs.

    Attributes:
        compares: Whether the model was trained on pairs of clips, too.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: What the engine needs is not installed.
        ValueError: The model file cannot be read, the dtype or engine is another one,
            the engine cannot do what is asked, there is no such device, or bfloat16
            changes scores by more than 0.01 on it.

    Example:
        predictor = MosPredictor.from_pretrained()
        result = predictor.predict(samples, fs)
        print(result.mean, result.interval, result.warnings)
    """

    def __init__(
        self,
        model_file: Union[Path, str],
        train_config: Union[Path, str, None] = None,
        device: str = "cpu",
        dtype: str = "float32",
        multichannel: str = "downmix",
        windows: str = "all",
        trust: bool = False,
        engine: str = "auto",
    ):
        check_windows(windows)
        check_multichannel(multichannel)
        for path in (model_file, train_config):
            if path is not None and not Path(path).is_file():
                raise FileNotFoundError(f"no such model file: {path}")
        if dtype not in ("float32", "bfloat16"):
            raise ValueError(f"dtype must be float32 or bfloat16, not '{dtype}'")
        if engine not in ENGINES:
            raise ValueError(
                f"engine must be one of {', '.join(ENGINES)}, not '{engine}'"
            )
        model_file = Path(model_file)
        self.files = TrainedModel(
            Path(train_config or model_file.parent / CONFIG), model_file
        )
        self.card = self.files.card()
        config = read_config(self.files.train_config)
        self.compares = config.get("comparison_conf") is not None
        self._scores_too = not config.get("train_encoders")
        self.device = device
        self.trust = trust
        self.windows = windows
        plain = device == "cpu" and dtype == "float32"
        if engine == "onnx" and not plain:
            raise ValueError(
                f"engine onnx computes on the CPU in float32, not on {device} in "
                f"{dtype}: use engine torch"
            )
        if engine == "auto":
            can = plain and graphs(self.files) and find_spec("onnxruntime")
            engine = "onnx" if can else "torch"
        self.engine: Union[OnnxEngine, TorchEngine] = (
            OnnxEngine(self.files) if engine == "onnx" else self.torch_engine
        )
        self.preprocess = self.engine.preprocessor()
        self.preprocess.multichannel = multichannel
        if dtype == "bfloat16":
            self._use_bfloat16()

    @functools.cached_property
    def torch_engine(self) -> "TorchEngine":
        """The model in PyTorch, which is loaded for it where that has not been done.

        Raises:
            ImportError: PyTorch or ESPnet is not installed.
            ValueError: The model cannot be loaded.
        """
        from espnet_samos.inference.torch_engine import TorchEngine

        return TorchEngine(self.files, self.device, self.trust)

    @property
    def model(self) -> "ESPnetMosModel":
        """The model in PyTorch.

        Raises:
            ValueError: It compares clips, and does not score them.
        """
        self._check_scores()
        return self.torch_engine.model

    def _check_scores(self) -> None:
        if not self._scores_too:
            raise ValueError(
                f"{self.files.model_file} compares clips and does not score them: its "
                "encoders were trained on pairs (train_encoders: true). Use samos "
                "compare, or a model whose encoders were not"
            )

    @functools.cached_property
    def _comparer(self) -> "MosPredictor":
        """A predictor of utilities and dispersions, by the same model."""
        comparer = copy.copy(self)
        comparer.engine = self.torch_engine.comparing()
        comparer._scores_too = True
        return comparer

    @classmethod
    def from_pretrained(
        cls, model: Union[Path, str] = DEFAULT_MODEL, **kwargs
    ) -> "MosPredictor":
        """Load a trained model, unpacking or downloading it where needed.

        Weights are loaded as tensors only: nothing in a file is run.

        Args:
            model: The name of a packaged model (`small`), a folder, an archive, a
                `.pth` file, or a tag on Hugging Face or in ESPnet's model zoo.
            kwargs: `device`, `dtype`, `multichannel`, `windows`, `trust`, `engine`.

        Raises:
            FileNotFoundError: There is no such model.
            ValueError: It is not a model of this task, or needs `trust`.
            ConnectionError: It, or the SSL model that it needs, cannot be downloaded.
        """
        found = find_model(model)
        return cls(found.model_file, found.train_config, **kwargs)

    @property
    def label_note(self) -> str:
        """What to know of the labels that the model was trained on."""
        return self.card.get("label_note", "")

    @property
    def scores(self) -> Tuple[str, ...]:
        """Names of the scores that the model predicts, the MOS first."""
        return self.engine.scores

    @property
    def window_seconds(self) -> float:
        """Length of the model's window in seconds."""
        return self.preprocess.window_seconds

    def predict(
        self,
        audio: Union[np.ndarray, "torch.Tensor"],
        fs: int,
        name: str = "clip",
        batch_size: int = 8,
    ) -> MosResult:
        """Score one clip.

        Args:
            audio: Samples in [-1, 1], (NSamples,), (NSamples, NChannels) or, as
                torchaudio has them, (NChannels, NSamples); of any float type, on any
                device.
            fs: Their sampling rate in Hz, 8000 to 384000, a whole number of any type.
            name: What the result and messages call the clip.
            batch_size: Windows in a batch, for a long clip.

        Raises:
            AudioError: The clip cannot be scored.
            ValueError: An option is out of range.
        """
        clip = self._clip(name, (audio, fs))
        (result,) = self._results([clip], check_batch_size(batch_size), num_workers=0)
        if result.error is not None:
            raise AudioError(result.error)
        return result

    def predict_files(
        self, paths: Iterable[Union[Path, str]], **options
    ) -> Iterator[MosResult]:
        """Score audio files of any rates and lengths.

        Memory does not grow with the number of files or with their lengths.

        Args:
            paths: The files.
            options: As `predict_clips` takes them.

        Yields:
            A result for each file, in order. A file that cannot be scored has the
            reason in `error`.

        Raises:
            ValueError: An option is out of range.
        """
        return self.predict_clips(
            [(printable(path), path) for path in paths], **options
        )

    def predict_clips(
        self,
        clips: Iterable[Tuple[str, Source]],
        batch_size: int = 8,
        num_workers: int = 2,
        progress: bool = False,
        on_score: Optional[Callable[[WindowScore], None]] = None,
    ) -> Iterator[MosResult]:
        """Score clips from files, from memory, or from functions that read them.

        Args:
            clips: Names, and what has the clip: a file's name; an open file; `(samples,
                fs)` as `predict` takes them; blocks of samples, as `read_blocks` gives
                them; or a function that gives one of these when it is called.
            batch_size: Windows in a batch, at least 1.
            num_workers: Threads that read and resample; 0 does without, -1 takes as
                many as there are cores.
            progress: Show a progress bar on standard error.
            on_score: Is called with each window's score, in order.

        Yields:
            A result for each clip, in order. A clip that cannot be scored, for whatever
            reason, has it in `error`.

        Raises:
            ValueError: An option is out of range.
        """
        results = self._results(
            (self._clip(name, source) for name, source in clips),
            check_batch_size(batch_size),
            number_of_workers(num_workers),
            on_score,
        )
        total = len(clips) if isinstance(clips, Sized) else None
        return iter(tqdm(results, total=total, unit="clip", disable=not progress))

    def compare(self, a: Source, b: Source, **options) -> PairResult:
        """Compare two clips.

        Args:
            a: Clip A: a file, `(samples, fs)`, or anything that `predict_clips` takes.
            b: Clip B.
            options: As `compare_clips` takes them.

        Returns:
            The comparison; above 0, B is better.

        Raises:
            AudioError: A clip cannot be used.
            ValueError: An option is out of range.
        """
        (result,) = self.compare_clips([("pair", a, b)], num_workers=0, **options)
        if result.error is not None:
            raise AudioError(result.error)
        return result

    def compare_clips(
        self,
        pairs: Sequence[Tuple[str, Source, Source]],
        batch_size: int = 1,
        **options,
    ) -> Iterator[PairResult]:
        """Compare the clips of pairs: how much better is B than A?

        By the model's comparison head, where it was trained on pairs; else by the
        difference of the clips' scores.

        Args:
            pairs: Names, and both clips, as `predict_clips` takes them.
            batch_size: Windows in a batch. In batches of one, equal clips give exactly
                0; in larger ones a few last digits can depend on the place in it.
            options: `num_workers` and `progress`, as `predict_clips` takes them.

        Yields:
            A result for each pair, in order. With a clip that cannot be used, it has
            the reason in `error`.

        Raises:
            ValueError: An option is out of range.
        """
        predictor = self._comparer if self.compares else self
        clips = itertools.chain.from_iterable(
            ((_clip_name(name, "A", a), a), (_clip_name(name, "B", b), b))
            for name, a, b in pairs
        )
        results = predictor.predict_clips(list(clips), batch_size, **options)
        # one after the other: results come while files are read
        for (name, _, _), a, b in zip(pairs, results, results, strict=True):
            yield compare_results(name, a, b, learnt=self.compares)

    def predict_windows(
        self,
        audio: Union[Path, str, np.ndarray, "torch.Tensor"],
        fs: Optional[int] = None,
        hop_seconds: Optional[float] = None,
        batch_size: int = 8,
        num_workers: int = 1,
    ) -> Iterator[WindowScore]:
        """Score a clip window by window: its quality over time.

        Args:
            audio: A file, or samples as `predict` takes them.
            fs: Sampling rate of the samples in Hz.
            hop_seconds: From the beginning of a window to that of the next; by default
                half a window.
            batch_size: Windows in a batch.
            num_workers: Threads that read and resample; 0 does without.

        Yields:
            The scores in order, while the clip is read. A silent window has NaN.

        Raises:
            AudioError: The clip cannot be scored.
            ValueError: Samples without `fs`, a file with it, an impossible hop, or an
                option that is out of range.
        """
        batch_size = check_batch_size(batch_size)
        num_workers = number_of_workers(num_workers)
        if isinstance(audio, (str, Path)) == (fs is not None):
            raise ValueError("give fs with samples, and not with a file")
        if hop_seconds is None:
            hop_seconds = self.window_seconds / 2
        check_hop(hop_seconds, self.window_seconds)
        if isinstance(audio, (str, Path)):
            clip = self._clip(str(audio), audio)
        else:
            assert fs is not None  # checked above
            clip = self._clip("clip", (audio, fs))
        for _, score in self._scores([clip], batch_size, num_workers, hop_seconds):
            if score is not None:
                yield score
        if clip.error is not None:
            raise AudioError(clip.error)

    def score_windows(self, windows: Sequence[Window]) -> List[WindowScore]:
        """Score windows as one batch; a silent one has NaN.

        Raises:
            MemoryError: As `predict_batch`.
            ValueError: The model compares clips, and does not score them.
        """
        self._check_scores()
        data = [window.data for window in windows if not window.silent]
        predictions: Iterator[List[Score]] = iter(())
        if data:
            # (NWindows, NScores) each
            means, stds = self.engine.predict(data)
            predictions = (
                [Score(*map(float, pair)) for pair in zip(*both, strict=True)]
                for both in zip(means, stds, strict=True)
            )
        scores = []
        for window in windows:
            first, *further = (
                [Score()] * len(self.scores) if window.silent else next(predictions)
            )
            named = dict(zip(self.scores[1:], further, strict=True))
            scores.append(
                WindowScore(window.start, window.end, *first, window.sound, named)
            )
        return scores

    def _clip(self, name: str, source: Source) -> Clip:
        return Clip(name, source, self.preprocess.multichannel)

    def _results(
        self,
        clips: Iterable[Clip],
        batch_size: int,
        num_workers: int,
        on_score: Optional[Callable[[WindowScore], None]] = None,
    ) -> Iterator[MosResult]:
        """Yield each clip's result, in order."""
        scores: List[WindowScore] = []
        for clip, score in self._scores(
            clips, batch_size, num_workers, windows=self.windows
        ):
            if score is None:
                yield self._result(clip, scores)
                scores = []
                continue
            scores.append(score)
            if on_score is not None:
                on_score(score)

    def _result(self, clip: Clip, scores: List[WindowScore]) -> MosResult:
        error = clip.error
        further = dict.fromkeys(self.scores[1:], Score())
        if clip.monitor is None:
            return MosResult(
                clip.name, label_note=self.label_note, error=error, scores=further
            )
        report = clip.monitor.report()
        warnings = {**clip.warnings, **report.warnings}
        mean, std, num_windows = math.nan, math.nan, 0
        if error is None:
            mean, std = mixture(scores, self.window_seconds)
            for name in further:
                of_it = [score.of(name) for score in scores]
                further[name] = Score(*mixture(of_it, self.window_seconds))
            num_windows = sum(not math.isnan(score.mean) for score in scores)
            num_silent = len(scores) - num_windows
            if num_windows == 0:
                error = f"{clip.name}: silent: no window has any sound"
            elif num_silent:
                warnings["skipped"] = (
                    f"{num_silent} of {len(scores)} windows are silent and left out"
                )
        return MosResult(
            name=clip.name,
            mean=mean,
            std=std,
            duration=report.duration,
            fs=clip.monitor.fs,
            bandwidth=report.bandwidth,
            num_windows=num_windows,
            warnings=warnings,
            label_note=self.label_note,
            error=error,
            scores=further,
        )

    def _scores(
        self,
        clips: Iterable[Clip],
        batch_size: int,
        num_workers: int,
        hop_seconds: Optional[float] = None,
        windows: str = "all",
    ) -> Iterator[Tuple[Clip, Optional[WindowScore]]]:
        """Yield each window's score, in order, and None where a clip ends."""
        reading: Deque[Clip] = deque()

        def read() -> Iterator[Iterator[Window]]:
            for clip in clips:
                reading.append(clip)
                yield clip.windows(self.preprocess, hop_seconds, windows)

        # what waits for its batch to be full, with what follows it
        waiting: List[Tuple[Clip, Optional[Window]]] = []
        num_unscored = 0
        for cut in prefetch(read(), num_workers):
            clip = reading.popleft()
            try:
                for window in cut:
                    waiting.append((clip, window))
                    num_unscored += not window.silent
                    if num_unscored == batch_size:
                        yield from self._score_waiting(waiting)
                        num_unscored = 0
            except AudioError as e:
                clip.error = str(e)
            waiting.append((clip, None))
            if num_unscored == 0:
                yield from self._score_waiting(waiting)
        yield from self._score_waiting(waiting)

    def _score_waiting(
        self, waiting: List[Tuple[Clip, Optional[Window]]]
    ) -> Iterator[Tuple[Clip, Optional[WindowScore]]]:
        """Score all windows that wait, as one batch, and empty the list."""
        entries = waiting.copy()
        waiting.clear()
        scores = iter(self.score_windows([w for _, w in entries if w is not None]))
        for clip, window in entries:
            yield clip, None if window is None else next(scores)

    def _use_bfloat16(self) -> None:
        """Compute the SSL model in bfloat16, where that keeps scores.

        Raises:
            ValueError: Scores of synthetic clips change by more than 0.01.
        """
        rng = np.random.default_rng(0)
        num_samples = 4 * 48000
        noise = rng.standard_normal((4, num_samples)) * [[0.3], [0.1], [0.03], [0.01]]
        # as slow as syllables, so that the clips change over time
        tone = np.sin(
            2 * np.pi * np.cumsum(np.linspace(100, 6000, num_samples)) / 48000
        )
        envelope = np.sin(2 * np.pi * 4 * np.arange(num_samples) / 48000) ** 2
        clips = 0.3 * tone * envelope + noise * envelope
        import torch

        before = [self.predict(clip, 48000).mean for clip in clips]
        self.torch_engine.dtype = torch.bfloat16
        after = [self.predict(clip, 48000).mean for clip in clips]
        difference = float(np.abs(np.subtract(before, after)).max())
        if not difference <= MAX_BFLOAT16_DIFFERENCE:
            raise ValueError(
                f"bfloat16 changes scores by up to {difference:.3f} with this model on "
                f"{self.device}: use float32"
            )
