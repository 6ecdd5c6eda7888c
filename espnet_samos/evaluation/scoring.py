"""Score the predictions of one test set against its labels."""

import hashlib
import json
import math
from pathlib import Path
from typing import AbstractSet, Any, Dict, Mapping, Optional, Tuple, Union

import numpy as np
import pandas as pd

from espnet_samos.evaluation import plots
from espnet_samos.evaluation.metrics import (
    METRICS,
    MIN_POINTS,
    correlation_ceiling,
    intervals,
    lcc_within,
)
from espnet_samos.utils import Z95
from espnet_samos.utils.files import write_text
from espnet_samos.utils.mos_scale import ACR, Scale, read_mos_scale
from espnet_samos.utils.score_names import score_tables, table_name
from espnet_samos.utils.tables import DataError, read_table

PREDICTIONS = "predictions.csv"
MIN_VARIANCE = 1e-6  # the floor of torch's Gaussian NLL, so of the training loss
LEAST = -math.inf  # of numbers without a lower bound
PREPARE = "prepare the data directory again"
INFER = "run inference on this set again"
_NUM_LISTED = 5


class ScoringError(ValueError):
    """Files that cannot be scored; the message names the file and has a hint."""


def _read(path: Path, lower: Optional[float], hint: str) -> Dict[str, Any]:
    """Read the text or, with a lower bound, the finite number of each utterance."""
    if not path.is_file():
        raise ScoringError(f"no such file: {path}; {hint}")
    try:
        table = read_table(path)
    except DataError as e:
        raise ScoringError(f"{e}; {hint}") from None
    if not table:
        raise ScoringError(f"{path} is empty; {hint}")
    if lower is None:
        return table
    numbers = {}
    for utterance, text in table.items():
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not (math.isfinite(number) and number >= lower):
            bound = f" >= {lower:g}" if lower != LEAST else ""
            raise ScoringError(
                f"{path}: {utterance} has '{text}', not a finite number{bound}; {hint}"
            )
        numbers[utterance] = number
    return numbers


def _listed(utterances: AbstractSet[str]) -> str:
    more = len(utterances) - _NUM_LISTED
    names = ", ".join(sorted(utterances)[:_NUM_LISTED])
    return names + (f" and {more} more" if more > 0 else "")


def read_clips(ref_dir: Union[str, Path], pred_dir: Union[str, Path]) -> pd.DataFrame:
    """Read labels and predictions into one table.

    Args:
        ref_dir: Data directory with `mos`, `utt2sys`, `utt2fs` and, where they are
            known, `utt2spk`, `utt2lang`, `mos_std` and `utt2votes`.
        pred_dir: Inference directory with `mos` (predicted means) and, from a
            predictor that gives them, `mos_std` (predicted standard deviations).

    Returns:
        One row per utterance, sorted by utterance (the index), with the columns
        `system`, `fs` (Hz), `label`, `prediction` and, if their files are there,
        `speaker`, `lang`, `std` and `label_error`, the label's standard error: the
        deviation of its ratings over the square root of their number.

    Raises:
        ScoringError: A file is missing, a line or number is malformed, or the
            files do not hold the same utterances, each once.
    """
    ref_dir, pred_dir = Path(ref_dir), Path(pred_dir)
    # column -> its file, and the least number in it
    files: Dict[str, Tuple[Path, Optional[float]]] = {
        "label": (ref_dir / "mos", LEAST),
        "system": (ref_dir / "utt2sys", None),
        "fs": (ref_dir / "utt2fs", 1),
        "prediction": (pred_dir / "mos", LEAST),
    }
    optional: Dict[str, Tuple[Path, Optional[float]]] = {
        "speaker": (ref_dir / "utt2spk", None),
        "lang": (ref_dir / "utt2lang", None),
        "label_std": (ref_dir / "mos_std", 0),
        "votes": (ref_dir / "utt2votes", 1),
        "std": (pred_dir / "mos_std", 0),
    }
    files |= {name: file for name, file in optional.items() if file[0].exists()}
    columns: Dict[str, Dict[str, Any]] = {}
    for name, (path, lower) in files.items():
        hint = INFER if path.parent == pred_dir else PREPARE
        columns[name] = _read(path, lower, hint)
        known = columns["label"].keys()
        _check_utterances(path, columns[name].keys(), ref_dir / "mos", known, hint)
    clips = pd.DataFrame(columns).sort_index().astype({"fs": int})
    if {"label_std", "votes"} <= set(clips):
        clips["label_error"] = clips["label_std"] / np.sqrt(clips["votes"])
    return clips.drop(columns=["label_std", "votes"], errors="ignore")


def _check_utterances(
    path: Path,
    utterances: AbstractSet[str],
    of: Path,
    known: AbstractSet[str],
    hint: str,
    some: bool = False,
) -> None:
    """Check that a table has the utterances of another, or at least no others."""
    if not some and (missing := known - utterances):
        raise ScoringError(
            f"{path} lacks {len(missing)} of the {len(known)} utterances of {of}: "
            f"{_listed(missing)}; {hint}"
        )
    if extra := utterances - known:
        raise ScoringError(
            f"{path} holds {len(extra)} utterances that {of} does not: "
            f"{_listed(extra)}; {hint}"
        )


def read_further(
    clips: pd.DataFrame, ref_dir: Union[str, Path], pred_dir: Union[str, Path]
) -> Dict[str, pd.DataFrame]:
    """Read labels and predictions of further scores.

    Args:
        clips: As `read_clips` gives them.
        ref_dir: Data directory; `mos_<name>` has the labels of those clips that have
            one, and is missing where none has.
        pred_dir: Inference directory with `mos_<name>` and, from a predictor that gives
            them, `mos_<name>_std`.

    Returns:
        By the scores that are predicted, tables as `read_clips` gives them; `label` is
        NaN where a clip has none.

    Raises:
        ScoringError: As `read_clips`.
    """
    ref_dir, pred_dir = Path(ref_dir), Path(pred_dir)
    known, of = set(clips.index), ref_dir / "mos"
    further = {}
    for name, path in score_tables(pred_dir).items():
        columns: Dict[str, Dict[str, Any]] = {"label": {}}
        labels = ref_dir / path.name
        if labels.is_file():
            columns["label"] = _read(labels, LEAST, PREPARE)
            utterances = columns["label"].keys()
            _check_utterances(labels, utterances, of, known, PREPARE, some=True)
        std = pred_dir / f"{path.name}_std"
        for column, file, lower in (("prediction", path, LEAST), ("std", std, 0)):
            if file.is_file():
                columns[column] = _read(file, lower, INFER)
                _check_utterances(file, columns[column].keys(), of, known, INFER)
        same = clips[[c for c in ("system", "fs", "speaker") if c in clips]]
        table = pd.DataFrame(columns, index=clips.index, dtype=float)
        further[name] = same.join(table)
    return further


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


def read_scale(ref_dir: Union[str, Path]) -> Scale:
    """Read the scale of the labels, as `read_mos_scale` does.

    Raises:
        ScoringError: `mos_scale` is malformed.
    """
    try:
        return read_mos_scale(ref_dir)
    except DataError as e:
        raise ScoringError(str(e)) from None


def systems_of(clips: pd.DataFrame) -> Optional[np.ndarray]:
    """Return each clip's system, where there are enough to tell how systems differ."""
    systems = clips["system"].to_numpy()
    return systems if len(np.unique(systems)) >= MIN_POINTS else None


def finite(value: float) -> Optional[float]:
    """Return a number, or None where it is undefined: JSON has no NaN."""
    return value if math.isfinite(value) else None


def _agreement(
    points: pd.DataFrame, scale: Scale, clusters: Optional[np.ndarray] = None
) -> Dict[str, Any]:
    label, prediction = points["label"].to_numpy(), points["prediction"].to_numpy()
    result: Dict[str, Any] = {"n": len(label)}
    for name, (low, high) in intervals(label, prediction, clusters).items():
        value = METRICS[name].function(label, prediction)
        if name == "mse" and scale != ACR:
            value = low = high = math.nan
        figures = dict(value=value, low=low, high=high)
        result[name] = {key: finite(x) for key, x in figures.items()}
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


def _within_speakers(clips: pd.DataFrame) -> Dict[str, Any]:
    columns = (clips[name].to_numpy() for name in ("label", "prediction", "speaker"))
    value, count = lcc_within(*columns)
    return {"lcc": finite(value), "speakers": count}


def score_clips(clips: pd.DataFrame, scale: Scale = ACR) -> Dict[str, Any]:
    """Score one group of clips.

    Args:
        clips: Rows as `read_clips` gives them.
        scale: That of the labels. Predictions are on 1..5: where labels are on another
            scale, errors mean nothing, and the MSE and `variance` are None.

    Returns:
        `utterance` and `system`: `n` (clips or systems) and for each metric its
        `value` and the limits `low` and `high` of its 95 % interval, None where
        undefined. `utterance` has `independent`, what the intervals take for that:
        `systems`, whose clips are alike, or `clips` where there are less than three
        systems.
        `variance`: `nll`, the mean Gaussian negative log-likelihood without its
        constant, as in the training loss; and `coverage`, the share of labels
        within 1.96 predicted standard deviations of the prediction, in [0, 1]
        (.95 where the predicted variance is right), and where the labels' own error is
        known `coverage_with_label_error`, which allows for it; None if there is no
        `std`.
        `within`: `lcc`, the mean over speakers of the LCC within each, and `speakers`,
        the number of them, which have three clips or more; None if speakers are not
        known.
        `ceiling`: the LCC that the labels' own error allows for; None where that is not
        known.
    """
    systems = clips.groupby("system")[["label", "prediction"]].mean()
    clusters = systems_of(clips)
    independent = "clips" if clusters is None else "systems"
    return {
        "utterance": {"independent": independent, **_agreement(clips, scale, clusters)},
        "system": _agreement(systems, scale),
        "variance": _judge_variance(clips) if "std" in clips and scale == ACR else None,
        "within": _within_speakers(clips) if "speaker" in clips else None,
        "ceiling": finite(correlation_ceiling(clips["label"], clips["label_error"]))
        if "label_error" in clips
        else None,
    }


def aqa_result(agreement: Mapping[str, Any], level: str) -> Dict[str, Optional[float]]:
    """Return the figures of a level under the names of ESPnet's task `aqa`.

    Args:
        agreement: `utterance` or `system`, as `score_clips` gives it.
        level: `utt` or `sys`.

    Returns:
        `<level>_mos_<metric>`: None where undefined, as for correlations of fewer than
        three points, of which `aqa` writes 1 or -1 for two.
    """
    return {f"{level}_mos_{name}": agreement[name]["value"] for name in METRICS}


def _as_json(result: Mapping[str, Any]) -> str:
    return json.dumps(result, indent=2, allow_nan=False) + "\n"


def read_scores(path: Union[str, Path]) -> Dict[str, Any]:
    """Read what `score_dir` wrote in `scores.json`.

    Returns:
        What it holds, and `path`, where it is.

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
        and {"set", "label_note", "clips", "groups", "languages"} <= set(scores)
    ):
        raise ScoringError(f"{path} is not a result of mos_score; score the set again")
    return {**scores, "path": str(path)}


def read_predictions(scores: Mapping[str, Any]) -> pd.DataFrame:
    """Read the clips behind scores: `system`, `label` and `prediction` by utterance.

    Args:
        scores: As `read_scores` or `score_dir` gives them; their `path` is that of
            `scores.json`, which `predictions.csv` is beside.

    Raises:
        ScoringError: The file is missing, or is none of `score_dir`'s.
    """
    path = Path(scores["path"]).with_name(PREDICTIONS)
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        clips = table.set_index("sample_id")[["system_id", "avg_score", "answer"]]
        clips.columns = pd.Index(["system", "label", "prediction"])
        return clips.astype({"label": float, "prediction": float})
    except FileNotFoundError:
        raise ScoringError(f"no such file: {path}; score the set again") from None
    except (ValueError, KeyError) as e:
        raise ScoringError(f"{path} is damaged ({e}); score the set again") from None


def score_dir(ref_dir: Union[str, Path], pred_dir: Union[str, Path]) -> Dict[str, Any]:
    """Score an inference directory and write the results into it.

    Writes `scores.json`; `predictions.csv` with SHEET's columns, where
    `avg_score` is the label and `answer` the prediction, and the same of further scores
    (`avg_score_<name>`, `answer_<name>`); `scatter.png`; and, of further scores that
    have labels, `scatter_<name>.png`.
    `avg_score` is the label and `answer` the prediction; `utt_result.json` and
    `sys_result.json`, the `overall` figures as ESPnet's `aqa_eval.py` writes them; and
    `scatter.png`.

    Args:
        ref_dir: Data directory; its last part names the set.
        pred_dir: Inference directory.

    Returns:
        As `read_scores`: `set`; `label_note`; `mos_scale`; `clips`, a digest of the
        utterances with their labels, systems and rates; `groups`: `overall` and every
        native rate in Hz (`16000`, ...), each as `score_clips` gives it; `languages`:
        likewise every language, where there are several; `further`: likewise every
        further score that is predicted, of the clips that have its label, None where
        no clip of the set has one.

    Raises:
        ScoringError: See `read_clips`, `read_further`, `read_label_note` and
            `read_scale`.
    """
    pred_dir, name = Path(pred_dir), Path(ref_dir).resolve().name
    clips, note = read_clips(ref_dir, pred_dir), read_label_note(ref_dir)
    scale = read_scale(ref_dir)
    groups = {"overall": score_clips(clips, scale)}
    for fs, members in clips.groupby("fs"):
        groups[str(fs)] = score_clips(members, scale)
    languages = {}
    if "lang" in clips and clips["lang"].nunique() > 1:
        for lang, members in clips.groupby("lang"):
            languages[lang] = score_clips(members, scale)
    further = read_further(clips, ref_dir, pred_dir)
    labelled = {name: t.dropna(subset="label") for name, t in further.items()}
    known = clips[["system", "fs", "label"]].to_csv().encode()
    scores = dict(
        set=name,
        label_note=note,
        mos_scale=scale,
        clips=hashlib.sha256(known).hexdigest()[:16],
        groups=groups,
        languages=languages,
        further={
            name: score_clips(table, scale) if len(table) else None
            for name, table in labelled.items()
        },
    )
    table = pd.DataFrame(
        {
            "system_id": clips["system"],
            "sample_id": clips.index,
            "avg_score": clips["label"],
            "answer": clips["prediction"],
        }
    )
    for score, rows in further.items():
        table[f"avg_score_{score}"] = rows["label"]
        table[f"answer_{score}"] = rows["prediction"]
    table.to_csv(pred_dir / PREDICTIONS, index=False)
    figure = plots.scatter(clips, name, note, one_scale=scale == ACR)
    figure.savefig(pred_dir / "scatter.png")
    for score, rows in labelled.items():
        if len(rows):
            title = f"{name}: {table_name(score)}"
            figure = plots.scatter(rows, title, note, one_scale=scale == ACR)
            figure.savefig(pred_dir / f"scatter_{score}.png")
    for level, name in (("utt", "utterance"), ("sys", "system")):
        result = aqa_result(groups["overall"][name], level)
        write_text(pred_dir / f"{level}_result.json", _as_json(result))
    # Last, so that a run that was cut short leaves no result that looks whole.
    write_text(pred_dir / "scores.json", _as_json(scores))
    return {**scores, "path": str(pred_dir / "scores.json")}
