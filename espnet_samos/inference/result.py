"""The results of the predictor. No torch here."""

import math
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from espnet_samos.audio.window_times import time_shares
from espnet_samos.utils import Z95
from espnet_samos.utils.score_names import table_name


class Score(NamedTuple):
    """A further score: its predicted mean and the label's standard deviation."""

    mean: float = math.nan
    std: float = math.nan


NO_SCORES: Mapping[str, Score] = MappingProxyType({})


def score_columns(names: Sequence[str]) -> List[str]:
    """Return the columns of further scores: `mos_noi`, `mos_noi_std`, ..."""
    return [f"{table_name(name)}{end}" for name in names for end in ("", "_std")]


class WindowScore(NamedTuple):
    """The score of one window of a clip.

    Attributes:
        start: Where the window begins, in seconds.
        end: Where it or, if that is earlier, the clip ends.
        mean: Predicted score; NaN for a silent window, which is not scored.
        std: Predicted standard deviation of the label; likewise.
        sound: The share of the window's time that is not silent, 0 to 1.
        scores: The further scores by name, if the model has any.
    """

    start: float
    end: float
    mean: float
    std: float
    sound: float = 1.0
    scores: Mapping[str, Score] = NO_SCORES

    def of(self, name: str) -> "WindowScore":
        """Return the window with a further score in place of the MOS."""
        return self._replace(mean=self.scores[name].mean, std=self.scores[name].std)


def mixture(scores: Sequence[WindowScore], seconds: float) -> Tuple[float, float]:
    """Compute mean and standard deviation of the mixture of the windows' predictions.

    Each window predicts a normal distribution of the label that it would get, and has
    the weight of the time that it stands for (`time_shares`) times the share of sound
    in it: a second of speech among silence says less than a window full of it. The
    mixture's variance is the mean of the variances and that of the squared distances
    from the common mean (law of total variance). Silent windows are left out; NaN where
    there are no others.

    Args:
        scores: Of all windows of a clip.
        seconds: Length of a window.
    """
    counted = [not math.isnan(score.mean) for score in scores]
    if not any(counted):
        return math.nan, math.nan
    shares = time_shares([score.start for score in scores], seconds, counted)
    weights = [
        float(share) * score.sound for share, score in zip(shares, scores, strict=True)
    ]
    total = math.fsum(weights)
    parts = [
        (weight / total, score)
        for weight, score in zip(weights, scores, strict=True)
        if weight > 0
    ]
    mean = math.fsum(share * score.mean for share, score in parts)
    variance = math.fsum(
        share * (score.std**2 + (score.mean - mean) ** 2) for share, score in parts
    )
    return mean, math.sqrt(variance)


@dataclass(frozen=True)
class MosResult:
    """The predicted mean opinion score of a clip.

    Attributes:
        name: The file, or what the clip was called.
        mean: The score, on the scale of the labels that the model was trained on
            (1..5, not clipped); NaN where the clip could not be scored.
        std: Predicted standard deviation of the label around the mean.
        duration: Length of the clip in seconds.
        fs: Its sampling rate in Hz.
        bandwidth: Frequency in Hz above which there is next to no energy.
        num_windows: How many windows were scored.
        warnings: Code -> explanation: those of `SignalReport` and of `Blocks`, and
            `skipped` for silent windows that were left out.
        label_note: What to know of the labels that the model was trained on; empty
            where nothing is known.
        error: Why the clip could not be scored; None if it was.
        scores: The further scores by name, if the model has any; their NaN likewise.
    """

    name: str
    mean: float = math.nan
    std: float = math.nan
    duration: float = math.nan
    fs: int = 0
    bandwidth: float = math.nan
    num_windows: int = 0
    warnings: Dict[str, str] = field(default_factory=dict)
    label_note: str = ""
    error: Optional[str] = None
    scores: Mapping[str, Score] = field(default_factory=dict)

    @property
    def interval(self) -> Tuple[float, float]:
        """The interval that has the label with a probability of 95 %.

        mean ± 1.96 · std: it tells what listeners might have said of this clip, as
        far as the model knows, not how well the mean is known. Of a clip that is longer
        than a window, it is the label of an excerpt of a window's length, taken at a
        random moment: how far the quality varies over the clip is in it.
        """
        return self.mean - Z95 * self.std, self.mean + Z95 * self.std

    def as_dict(self) -> Dict[str, Any]:
        """Return all attributes and the interval (`low`, `high`), for tables.

        Of further scores, `mos_<name>` and `mos_<name>_std` come last.
        """
        low, high = self.interval
        row = dict(name=self.name, mean=self.mean, std=self.std, low=low, high=high)
        row |= {k: v for k, v in vars(self).items() if k not in (*row, "scores")}
        values = [value for score in self.scores.values() for value in score]
        columns = score_columns(list(self.scores))
        return {**row, **dict(zip(columns, values, strict=True))}
