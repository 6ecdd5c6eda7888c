"""Figures of several predictors on clips that people rated. No torch here."""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Union

import numpy as np
import pandas as pd

from espnet_samos.evaluation.metrics import METRICS, differences, fitted_mse
from espnet_samos.evaluation.predictions import cost_of
from espnet_samos.evaluation.scoring import (
    ScoringError,
    finite,
    read_clips,
    read_label_note,
    read_scale,
    score_clips,
    systems_of,
)
from espnet_samos.utils.mos_scale import ACR, Scale
from espnet_samos.utils.tables import DataError, read_table

REQUIRED = ("wav.scp", "mos", "utt2sys", "utt2fs")
SUFFIX = re.compile(r"(.+)_[^_]*")  # up to the last "_"
NUMBER = re.compile(r"(.*\D)\d+")
MAX_GROUPS = 16
OTHERS = "others"
Figures = Dict[str, Any]


@dataclass(frozen=True)
class EvaluatedSet:
    """Clips that people rated, and what several predictors say of them.

    Attributes:
        name: Of the set.
        note: One line on what the labels are; may be empty.
        scale: Of the labels.
        clips: Predictor -> its clips, as `read_clips` gives them, with a column
            `group`; the same clips in the same order.
        figures: Predictor -> its figures, as `compute_figures` gives them.
    """

    name: str
    note: str
    scale: Scale
    clips: Dict[str, pd.DataFrame]
    figures: Dict[str, Figures]


def find_sets(folders: Sequence[Union[str, Path]]) -> Dict[str, Path]:
    """Find data directories, and check that they can be scored.

    Args:
        folders: Data directories, or folders of them.

    Returns:
        Name of each set, which is its folder's -> where it is.

    Raises:
        ScoringError: A folder has none, one lacks a file or has other clips in
            `wav.scp` than in `mos`, a table is malformed, or two have one name.
    """
    sets: Dict[str, Path] = {}
    for folder in map(Path, folders):
        found = [folder]
        if not (folder / "wav.scp").is_file():
            found = sorted(path.parent for path in folder.glob("*/wav.scp"))
        if not found:
            raise ScoringError(
                f"{folder} is neither a data directory, with {', '.join(REQUIRED)}, "
                "nor a folder of such: make one with samos prepare"
            )
        for path in found:
            _check_set(path)
            name = path.resolve().name
            if sets.setdefault(name, path) != path:
                raise ScoringError(
                    f"{sets[name]} and {path} have one name: rename one of them"
                )
    return sets


def _check_set(path: Path) -> None:
    missing = [name for name in REQUIRED if not (path / name).is_file()]
    if missing:
        raise ScoringError(f"{path} lacks {', '.join(missing)}: write them first")
    try:
        alone = read_table(path / "wav.scp").keys() ^ read_table(path / "mos").keys()
    except DataError as e:
        raise ScoringError(str(e)) from None
    if alone:
        raise ScoringError(
            f"{path}: {min(alone)} and {len(alone) - 1} more are in wav.scp or in mos, "
            "not in both: label them or leave them out"
        )
    read_label_note(path)
    read_scale(path)


def group_systems(systems: Sequence[str]) -> List[str]:
    """Return the group of each system: its name up to the last `_`, or its number.

    `NOISE_01` and `NOISE_02` are of the group `NOISE`, `c1` and `c12` of `c`. Where
    that makes one group of all, each system is its own. Beyond 16 groups, the
    smaller ones are `others`.
    """
    groups = [_group(system) for system in systems]
    if len(set(groups)) == 1:
        groups = list(systems)
    counts = pd.Series(groups).value_counts(sort=True)
    if len(counts) <= MAX_GROUPS:
        return groups
    kept = set(counts.index[: MAX_GROUPS - 1])
    return [group if group in kept else OTHERS for group in groups]


def _group(system: str) -> str:
    found = SUFFIX.fullmatch(system) or NUMBER.fullmatch(system)
    return found.group(1) if found else system


def compute_figures(
    clips: pd.DataFrame, first: pd.DataFrame, scale: Scale = ACR
) -> Figures:
    """Compute the figures of one predictor on one set.

    Args:
        clips: Its clips, as `read_clips` gives them.
        first: Those of the predictor that it is compared with.
        scale: That of the labels.

    Returns:
        What `scoring.score_clips` gives; `fitted_mse`, the MSE after a linear map of
        the predictions, None where the labels are not on 1..5; and `difference`: for
        each metric the difference to the first predictor and the limits of its paired
        95 % interval over systems, None where undefined.
    """
    figures = score_clips(clips, scale)
    label, prediction = clips["label"].to_numpy(), clips["prediction"].to_numpy()
    fitted = fitted_mse(label, prediction) if scale == ACR else math.nan
    found = differences(
        label, [first["prediction"].to_numpy()], [prediction], systems_of(clips)
    )
    if scale != ACR:
        found["mse"] = (math.nan, math.nan, math.nan)
    difference = {name: [finite(x) for x in found[name]] for name in METRICS}
    return {**figures, "fitted_mse": finite(fitted), "difference": difference}


def rate_set(ref_dir: Path, pred_dirs: Mapping[str, Path]) -> EvaluatedSet:
    """Compute the figures of all predictors on one set.

    Args:
        ref_dir: Data directory.
        pred_dirs: Predictor -> its directory, as `predictions` writes it.

    Raises:
        ScoringError: Anything that `read_clips` refuses.
    """
    scale = read_scale(ref_dir)
    clips = {name: read_clips(ref_dir, path) for name, path in pred_dirs.items()}
    first = next(iter(clips.values()))
    figures = {}
    for name, table in clips.items():
        table["group"] = group_systems(table["system"].tolist())
        costs = {"cpu_per_second": cost_of(pred_dirs[name])}
        figures[name] = {**compute_figures(table, first, scale), **costs}
    return EvaluatedSet(
        ref_dir.resolve().name, read_label_note(ref_dir), scale, clips, figures
    )


def errors(clips: pd.DataFrame, scale: Scale) -> np.ndarray:
    """Compute the error of each prediction: (NClips,).

    Where the labels are not on 1..5, that is the error after the best linear map of
    the predictions, as a share of the scale.
    """
    label, prediction = clips["label"].to_numpy(), clips["prediction"].to_numpy()
    if scale == ACR:
        return prediction - label
    slope, offset = np.polyfit(prediction, label, 1)
    return (offset + slope * prediction - label) / (scale[1] - scale[0])
