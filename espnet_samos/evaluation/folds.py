"""Results on rated sets whose talkers were left out of training, fold by fold."""

import statistics
from pathlib import Path
from typing import Dict, List, Mapping, NamedTuple, Sequence, Union

import numpy as np
import pandas as pd
from scipy import stats

from espnet_samos.evaluation.experiment import MODELS
from espnet_samos.evaluation.metrics import MIN_POINTS, differences, lcc, srcc
from espnet_samos.evaluation.rated import group_systems
from espnet_samos.evaluation.report import format_number, markdown_table
from espnet_samos.evaluation.scoring import ScoringError, read_predictions, systems_of

TRAININGS = {
    "train": "rated clips only",
    "pretrain": "made corpus only",
    "two_step": "two steps",
}
ROWS = {
    f"{model}/{training}": f"{title}, {words}"
    for model, title in MODELS.items()
    for training, words in TRAININGS.items()
}
# Pairs of rows whose difference answers a question: second minus first
QUESTIONS = (
    *((f"ssl_layer_mos/{t}", f"sa_ssl_mos/{t}") for t in TRAININGS),
    *((f"{m}/train", f"{m}/two_step") for m in MODELS),
    *((f"{m}/pretrain", f"{m}/two_step") for m in MODELS),
)
MIN_IN_GROUP = 10  # clips, for a correlation
Runs = Dict[str, List[pd.DataFrame]]  # row -> clips of all folds, for each run


class BandwidthPair(NamedTuple):
    """How a system changes when only its bandwidth does, over the same utterances."""

    system: str
    num_pairs: int
    rated: float  # narrower minus wider, on the scale of the labels
    predicted: float
    low: float  # of its 95 % interval over utterances
    high: float


class RatedSet(NamedTuple):
    """A rated set with its predictions.

    Attributes:
        runs: Row -> clips of all folds, for each run.
        utterance: What each clip says, by its id.
        pairs: System -> the same at a smaller bandwidth.
        note: What its labels are.
    """

    runs: Runs
    utterance: Mapping[str, str]
    pairs: Mapping[str, str]
    note: str


def read_folds(
    exp_dir: Union[str, Path],
    test_set: str,
    num_folds: int,
    inference_tag: str,
    rows: Sequence[str] = tuple(ROWS),
) -> Runs:
    """Read the clips of a set, each predicted in the fold that tests its talker.

    Raises:
        ScoringError: Results are missing, or runs differ between folds.
    """
    runs: Runs = {}
    for row in rows:
        found: List[List[Path]] = []
        for fold in range(1, num_folds + 1):
            where = f"fold{fold}/experiment/{row}"
            pattern = f"run*/{inference_tag}/{test_set}_fold{fold}_test/scores.json"
            paths = sorted(Path(exp_dir, where).glob(pattern))
            if not paths:
                raise ScoringError(f"no {exp_dir}/{where}/{pattern}: run it first")
            found.append(paths)
        if len({len(paths) for paths in found}) > 1:
            raise ScoringError(f"{row} has other numbers of runs in other folds")
        runs[row] = [
            pd.concat([read_predictions({"path": path}) for path in paths]).sort_index()
            for paths in zip(*found, strict=True)
        ]
    return runs


def _mean(values: Sequence[float]) -> str:
    std = statistics.stdev(values) if len(values) > 1 else None
    return format_number(statistics.mean(values), std)


def rows_table(runs: Runs) -> str:
    """Write LCC and SRCC of each row: mean±standard deviation over its runs."""
    table = []
    for row in runs:
        cells = [
            _mean([metric(run["label"], run["prediction"]) for run in runs[row]])
            for metric in (lcc, srcc)
        ]
        table.append([ROWS[row], str(len(runs[row])), *cells])
    return markdown_table(["model, trained on", "runs", "LCC", "SRCC"], table)


def questions_table(runs: Runs) -> str:
    """Write differences between rows, paired by clip, with intervals over systems.

    Empty where no two rows answer a question.
    """
    table = []
    clips = next(iter(runs.values()))[0]
    clusters = systems_of(clips)
    for first, second in QUESTIONS:
        if not {first, second} <= runs.keys():
            continue
        found = differences(
            clips["label"],
            [run["prediction"] for run in runs[first]],
            [run["prediction"] for run in runs[second]],
            clusters,
        )
        cells = [
            f"{found[name][0]:+.3f} [{found[name][1]:+.3f}, {found[name][2]:+.3f}]"
            for name in ("lcc", "srcc")
        ]
        table.append([f"{ROWS[second]} − {ROWS[first]}", *cells])
    return markdown_table(["difference", "LCC", "SRCC"], table) if table else ""


def groups_table(runs: Runs) -> str:
    """Write the LCC of each row within each kind of degradation; empty for one kind."""
    systems = next(iter(runs.values()))[0]["system"]
    kinds = pd.Series(group_systems(list(systems)), systems.index)
    names = [n for n, count in kinds.value_counts().items() if count >= MIN_IN_GROUP]
    if len(names) < 2:
        return ""
    table = []
    for row in runs:
        cells = []
        for name in sorted(names):
            parts = [run[kinds == name] for run in runs[row]]
            cells.append(_mean([lcc(p["label"], p["prediction"]) for p in parts]))
        table.append([ROWS[row], *cells])
    header = [f"{name} ({(kinds == name).sum()})" for name in sorted(names)]
    return markdown_table(["LCC within", *header], table)


def bandwidth_pairs(
    clips: Sequence[pd.DataFrame],
    utterance: Mapping[str, str],
    pairs: Mapping[str, str],
) -> List[BandwidthPair]:
    """Compare systems with what they are at a smaller bandwidth.

    Args:
        clips: Clips of each run, as `read_predictions` gives them.
        utterance: As `RatedSet` has it.
        pairs: Likewise.

    Returns:
        Those with three utterances or more; predictions are means over runs.
    """
    mean = clips[0].copy()
    mean["prediction"] = np.mean([run["prediction"] for run in clips], axis=0)
    mean.index = pd.Index([utterance[clip] for clip in mean.index])
    found = []
    for wide, narrow in pairs.items():
        sides = [mean[mean["system"] == system] for system in (wide, narrow)]
        wider, narrower = (side[["label", "prediction"]] for side in sides)
        change = (narrower - wider).dropna()
        if len(change) < MIN_POINTS:
            continue
        rated, predicted = change.mean()
        error = stats.sem(change["prediction"])
        margin = float(stats.t.ppf(0.975, len(change) - 1) * error)
        limits = (predicted - margin, predicted + margin)
        found.append(BandwidthPair(wide, len(change), rated, predicted, *limits))
    return found


def pairs_table(rated_set: RatedSet) -> str:
    """Write what each row says of systems at a smaller bandwidth; empty without any."""
    rows: List[List[str]] = []
    header: List[str] = []
    runs, utterance, pairs, _ = rated_set
    for row in runs:
        found = bandwidth_pairs(runs[row], utterance, pairs)
        if not found:
            return ""
        if not rows:
            header = [f"{pair.system} ({pair.num_pairs} pairs)" for pair in found]
            rows.append(["listeners", *(f"{pair.rated:+.2f}" for pair in found)])
        cells = [f"{p.predicted:+.2f} [{p.low:+.2f}, {p.high:+.2f}]" for p in found]
        rows.append([ROWS[row], *cells])
    return markdown_table(["narrower minus wider", *header], rows)


def folds_report(rated_sets: Mapping[str, RatedSet]) -> str:
    """Write all tables, as Markdown, of sets by their names."""
    sections = []
    for name, rated_set in rated_sets.items():
        runs = rated_set.runs
        clips = next(iter(runs.values()))[0]
        sections += [
            f"## {name}",
            f"{len(clips)} clips of {clips['system'].nunique()} systems, each "
            "predicted by models that never met its talker.",
            rows_table(runs),
        ]
        questions = questions_table(runs)
        if questions:
            sections += [
                "Differences, paired by clip; 95 % intervals for other systems than "
                "these:",
                questions,
            ]
        groups = groups_table(runs)
        if groups:
            sections += ["LCC within each kind of degradation (clips):", groups]
        table = pairs_table(rated_set)
        if table:
            sections += [
                "The same systems at a smaller bandwidth, on the scale 1..5; 95 % "
                "intervals over utterances:",
                table,
            ]
        if rated_set.note:
            sections.append(f"Note: {rated_set.note}")
    return "\n\n".join(sections) + "\n"
