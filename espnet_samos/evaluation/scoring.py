"""Score the predictions of one test set against its labels."""

import json
import math
from pathlib import Path
from typing import Any, Dict, List, Union

import numpy as np
import pandas as pd

from espnet_samos.evaluation import plots
from espnet_samos.evaluation.metrics import (
    METRICS,
    bootstrap_intervals,
    system_means,
)
from espnet_samos.utils import Z95
from espnet_samos.utils.files import write_text

MIN_VARIANCE = 1e-6  # the floor of torch's Gaussian NLL, so of the training loss
_NUM_LISTED = 5


class ScoringError(ValueError):
    """Files that cannot be scored; the message names the file and has a hint."""


def _read_table(path: Path, hint: str) -> Dict[str, str]:
    """Read `utt value` lines, refusing anything else and repeated utterances."""
    if not path.is_file():
        raise ScoringError(f"no such file: {path}; {hint}")
    table: Dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fields = line.split()
        if len(fields) != 2:
            raise ScoringError(
                f"{path}:{number}: expected 'utterance value', not '{line}'; {hint}"
            )
        if fields[0] in table:
            raise ScoringError(f"{path}:{number}: {fields[0]} appears twice; {hint}")
        table[fields[0]] = fields[1]
    if not table:
        raise ScoringError(f"{path} is empty; {hint}")
    return table


def _read_numbers(path: Path, hint: str, lower: float = -math.inf) -> Dict[str, float]:
    """Read `utt number` lines; numbers are finite and at least `lower`."""
    numbers = {}
    for utterance, text in _read_table(path, hint).items():
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not (math.isfinite(number) and number >= lower):
            bound = f" >= {lower:g}" if lower > -math.inf else ""
            raise ScoringError(
                f"{path}: {utterance} has '{text}', not a finite number{bound}; {hint}"
            )
        numbers[utterance] = number
    return numbers


def _listed(utterances: List[str]) -> str:
    more = len(utterances) - _NUM_LISTED
    names = ", ".join(utterances[:_NUM_LISTED])
    return names + (f" and {more} more" if more > 0 else "")


def read_clips(ref_dir: Union[str, Path], pred_dir: Union[str, Path]) -> pd.DataFrame:
    """Read labels and predictions into one table.

    Args:
        ref_dir: Data directory with `mos`, `utt2sys`, `utt2fs` and, where they are
            known, `utt2lang`, `mos_std` and `utt2votes`.
        pred_dir: Inference directory with `mos` (predicted means) and, from a
            predictor that gives them, `mos_std` (predicted standard deviations).

    Returns:
        One row per utterance, sorted by utterance (the index), with the columns
        `system`, `fs` (Hz), `label`, `prediction` and, if their files are there,
        `lang`, `std` and `label_error`, the label's standard error: the deviation of
        its ratings over the square root of their number.

    Raises:
        ScoringError: A file is missing, a line or number is malformed, or the
            files do not hold the same utterances, each once.
    """
    ref_dir, pred_dir = Path(ref_dir), Path(pred_dir)
    prepare = "prepare the data directory again"
    infer = "run inference on this set again"
    label = _read_numbers(ref_dir / "mos", prepare)
    paths = {
        "system": ref_dir / "utt2sys",
        "fs": ref_dir / "utt2fs",
        "prediction": pred_dir / "mos",
    }
    columns: Dict[str, Dict[str, Any]] = {
        "label": label,
        "system": _read_table(paths["system"], prepare),
        "fs": _read_numbers(paths["fs"], prepare, lower=1),
        "prediction": _read_numbers(paths["prediction"], infer),
    }
    if (ref_dir / "utt2lang").exists():
        paths["lang"] = ref_dir / "utt2lang"
        columns["lang"] = _read_table(paths["lang"], prepare)
    rated = ref_dir / "mos_std", ref_dir / "utt2votes"
    if all(path.exists() for path in rated):
        paths["label_std"], paths["votes"] = rated
        columns["label_std"] = _read_numbers(rated[0], prepare, lower=0)
        columns["votes"] = _read_numbers(rated[1], prepare, lower=1)
    if (pred_dir / "mos_std").exists():
        paths["std"] = pred_dir / "mos_std"
        columns["std"] = _read_numbers(paths["std"], infer, lower=0)
    for name, path in paths.items():
        hint = infer if name in ("prediction", "std") else prepare
        missing = sorted(label.keys() - columns[name])
        extra = sorted(columns[name].keys() - label)
        if missing:
            raise ScoringError(
                f"{path} lacks {len(missing)} of the {len(label)} utterances of "
                f"{ref_dir / 'mos'}: {_listed(missing)}; {hint}"
            )
        if extra:
            raise ScoringError(
                f"{path} holds {len(extra)} utterances that {ref_dir / 'mos'} does "
                f"not: {_listed(extra)}; {hint}"
            )
    clips = pd.DataFrame(columns).sort_index().astype({"fs": int})
    if "votes" in clips:
        clips["label_error"] = clips.pop("label_std") / np.sqrt(clips.pop("votes"))
    return clips


def read_label_note(ref_dir: Union[str, Path]) -> str:
    """Read `label_note`: one line on what the labels are; empty without the file.

    Raises:
        ScoringError: The file holds more or less than one line.
    """
    path = Path(ref_dir) / "label_note"
    if not path.is_file():
        return ""
    lines = path.read_text(encoding="utf-8").strip().splitlines()
    if len(lines) != 1:
        raise ScoringError(f"{path} has {len(lines)} lines; write exactly one")
    return lines[0]


def _agreement(label: np.ndarray, prediction: np.ndarray) -> Dict[str, Any]:
    intervals = bootstrap_intervals(label, prediction)
    result: Dict[str, Any] = {"n": len(label)}
    for name, metric in METRICS.items():
        low, high = intervals[name]
        value = metric.function(label, prediction)
        result[name] = {"value": value, "low": low, "high": high}
    return result


def _judge_variance(clips: pd.DataFrame) -> Dict[str, float]:
    std = clips["std"].to_numpy()
    error = (clips["label"] - clips["prediction"]).to_numpy()
    variance = np.maximum(std**2, MIN_VARIANCE)
    result = {
        "nll": float(np.mean(np.log(variance) + error**2 / variance) / 2),
        "coverage": float(np.mean(np.abs(error) <= Z95 * std)),
    }
    if "label_error" in clips:
        spread = np.hypot(std, clips["label_error"].to_numpy())
        result["coverage_with_label_error"] = float(
            np.mean(np.abs(error) <= Z95 * spread)
        )
    return result


def score_clips(clips: pd.DataFrame) -> Dict[str, Any]:
    """Score one group of clips.

    Args:
        clips: Rows as `read_clips` gives them.

    Returns:
        `utterance` and `system`: `n` (clips or systems) and for each metric its
        `value` and the limits `low` and `high` of its 95 % interval.
        `variance`: `nll`, the mean Gaussian negative log-likelihood without its
        constant, as in the training loss; and `coverage`, the share of labels
        within 1.96 predicted standard deviations of the prediction, in [0, 1]
        (.95 where the predicted variance is right), and where the labels' own error is
        known `coverage_with_label_error`, which allows for it; None if there is no
        `std`.
    """
    label, prediction = clips["label"].to_numpy(), clips["prediction"].to_numpy()
    systems = clips["system"].to_numpy(dtype=str)
    return {
        "utterance": _agreement(label, prediction),
        "system": _agreement(
            system_means(systems, label)[1], system_means(systems, prediction)[1]
        ),
        "variance": _judge_variance(clips) if "std" in clips else None,
    }


def score_set(clips: pd.DataFrame, name: str, note: str = "") -> Dict[str, Any]:
    """Score a test set, overall and within each native rate and language.

    Args:
        clips: Rows as `read_clips` gives them.
        name: Name of the test set.
        note: What the labels are, to be shown with every figure.

    Returns:
        `set`, `label_note` and `groups`: `overall` and every native rate in Hz
        (`16000`, ...), each as `score_clips` gives it; `languages`: likewise every
        language, where there are several.
    """
    groups = {"overall": score_clips(clips)}
    for fs, members in clips.groupby("fs"):
        groups[str(fs)] = score_clips(members)
    languages = {}
    if "lang" in clips and clips["lang"].nunique() > 1:
        for lang, members in clips.groupby("lang"):
            languages[lang] = score_clips(members)
    return {"set": name, "label_note": note, "groups": groups, "languages": languages}


def _without_nan(value: Any) -> Any:
    """Replace NaN by None: JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


def read_scores(path: Union[str, Path]) -> Dict[str, Any]:
    """Read what `score_dir` wrote in `scores.json`; an undefined value is None.

    Raises:
        ScoringError: The file is missing or is not a result of scoring.
    """
    try:
        scores = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as e:
        raise ScoringError(f"cannot read {path} ({e.strerror}); score first") from None
    except ValueError:
        scores = None
    if not (
        isinstance(scores, dict)
        and {"set", "label_note", "groups", "languages"} <= set(scores)
    ):
        raise ScoringError(f"{path} is not a result of mos_score; score the set again")
    return scores


def score_dir(ref_dir: Union[str, Path], pred_dir: Union[str, Path]) -> Dict[str, Any]:
    """Score an inference directory and write the results into it.

    Writes `scores.json`; `predictions.csv` with SHEET's columns, where
    `avg_score` is the label and `answer` the prediction; and `scatter.png`.

    Args:
        ref_dir: Data directory; its last part names the set.
        pred_dir: Inference directory.

    Returns:
        The scores as `read_scores` gives them.

    Raises:
        ScoringError: See `read_clips` and `read_label_note`.
    """
    pred_dir, name = Path(pred_dir), Path(ref_dir).resolve().name
    clips = read_clips(ref_dir, pred_dir)
    scores = _without_nan(score_set(clips, name, read_label_note(ref_dir)))
    table = pd.DataFrame(
        {
            "system_id": clips["system"],
            "sample_id": clips.index,
            "avg_score": clips["label"],
            "answer": clips["prediction"],
        }
    )
    table.to_csv(pred_dir / "predictions.csv", index=False)
    figure = plots.scatter(clips, name, scores["label_note"])
    figure.savefig(pred_dir / "scatter.png")
    # Last, so that a run that was cut short leaves no result that looks whole.
    text = json.dumps(scores, indent=2, allow_nan=False) + "\n"
    write_text(pred_dir / "scores.json", text)
    return scores
