"""Tables of scores: RESULTS.md of one experiment, several side by side.

A table is Markdown with its columns aligned, so that a terminal shows it well.
"""

import math
import statistics
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from espnet_samos.evaluation.metrics import METRICS, differences
from espnet_samos.evaluation.scoring import (
    ScoringError,
    read_predictions,
    read_scores,
    systems_of,
)
from espnet_samos.utils.environment import environment
from espnet_samos.utils.figures import rate_name
from espnet_samos.utils.mos_scale import ACR
from espnet_samos.utils.score_names import table_name

Scores = Dict[str, Any]  # of one test set, as `scoring.read_scores` gives them
LEVELS = ("utterance", "system")
UNDEFINED = "–"
INDEPENDENT = "*"
EXPLANATION = (
    "n: clips at the utterance level, systems at the system level. In brackets: 95 % "
    "intervals for other systems than these, by a jackknife over systems; clips marked "
    f"{INDEPENDENT} are of less than three systems and taken as independent. NLL: "
    "Gaussian negative log-likelihood without its constant, as in the training loss. "
    "Coverage: labels within 1.96 predicted standard deviations, 95 % where these are "
    "right; in parentheses, the labels' own standard error allowed for. Both are "
    f"{UNDEFINED} for a predictor without variance. Within: the mean over speakers of "
    "the LCC within each; in parentheses, the number of those that have three clips or "
    "more. Ceiling: the LCC that the labels' own error allows for. Where labels are "
    f"not on 1..5, MSE, NLL and coverage mean nothing: {UNDEFINED}."
)


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write aligned Markdown: the first column to the left, the others to the right."""
    columns = zip(header, *rows, strict=True)
    widths = [max(3, *map(len, column)) for column in columns]  # 3: a rule is --:
    rule = ["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]]
    cells = [
        [row[0].ljust(widths[0])]
        + [cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True)]
        for row in (header, rule, *rows)
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def format_number(value: Optional[float], std: Optional[float] = None) -> str:
    """Write a score, with its standard deviation if known; a dash if undefined."""
    if value is None:
        return UNDEFINED
    return f"{value:.3f}" + ("" if std is None else f"±{std:.3f}")


def format_interval(
    value: Optional[float], low: Optional[float], high: Optional[float]
) -> str:
    """Write a score with its 95 % interval, if that is known; it may have no end."""
    if low is None:
        return format_number(value)
    return f"{format_number(value)} [{format_number(low)}, {format_number(high)}]"


def format_within(within: Optional[Mapping[str, Any]]) -> str:
    """Write the mean LCC within speakers, and the number of these."""
    if not within or within["lcc"] is None:
        return UNDEFINED
    return f"{format_number(within['lcc'])} ({within['speakers']})"


def format_coverage(variance: Optional[Mapping[str, float]]) -> str:
    """Write the coverage, and in parentheses with the labels' own error."""
    if not variance:
        return UNDEFINED
    text = f"{100 * variance['coverage']:.1f} %"
    if "coverage_with_label_error" in variance:
        text += f" ({100 * variance['coverage_with_label_error']:.1f} %)"
    return text


def format_difference(difference: float, low: float, high: float) -> str:
    """Write a difference with its 95 % interval; NaN is undefined."""
    if math.isnan(difference):
        return UNDEFINED
    limits = "" if math.isnan(low) else f" [{low:+.3f}, {high:+.3f}]"
    return f"{difference:+.3f}{limits}"


def _group_name(group: str) -> str:
    return "all rates" if group == "overall" else rate_name(int(group))


def results_head() -> List[str]:
    """Return the paragraphs that open every RESULTS.md: what made the results."""
    lines = [f"- {key}: `{value}`" for key, value in environment().items()]
    return ["# RESULTS", "## Environment", "\n".join(lines)]


def level_head(level: str, scores: Scores) -> str:
    """Return the heading of a level, with the number of its clips or systems."""
    unit = "clips" if level == "utterance" else "systems"
    number = scores["groups"]["overall"][level]["n"]
    return f"### {level.capitalize()} level ({number} {unit})"


def with_note(table: str, notes: Sequence[str]) -> str:
    """Add each distinct note below a table."""
    lines = [f"Note: {note}" for note in dict.fromkeys(notes) if note]
    return "\n\n".join([table, *lines])


def set_table(scores: Scores) -> str:
    """Write the scores of one test set as a table.

    Returns:
        Markdown. Rows: all rates, each native rate and, where there are several,
        each language, and each further score that has labels, at the utterance and the
        system level. Columns: the number
        of clips or systems, each metric with its 95 % interval, and for the
        predicted variance, if there is one, the Gaussian NLL and the coverage, then
        the LCC within speakers and its ceiling. The note on the labels stands below,
        and which scores have none.
    """
    rows = []
    named = {_group_name(group): result for group, result in scores["groups"].items()}
    further = further_scores(scores)
    named |= {**scores["languages"], **{k: v for k, v in further.items() if v}}
    for title, result in named.items():
        for level in LEVELS:
            clips = result[level].get("independent") == "clips"
            row = [title, level, f"{result[level]['n']}{INDEPENDENT * clips}"]
            for name in METRICS:
                row.append(format_interval(**result[level][name]))
            # The variance is predicted for clips only.
            of_clips = ["", "", "", ""]
            if level == "utterance":
                variance = result["variance"]
                of_clips = [
                    format_number(variance["nll"] if variance else None),
                    format_coverage(variance),
                    # neither is in results of earlier versions
                    format_within(result.get("within")),
                    format_number(result.get("ceiling")),
                ]
            rows.append([*row, *of_clips])
    header = ["clips", "level", "n", *(name.upper() for name in METRICS)]
    header += ["NLL", "coverage", "within", "ceiling"]
    table = markdown_table(header, rows)
    unlabelled = ", ".join(name for name, result in further.items() if not result)
    notes = [scores["label_note"], f"no labels of {unlabelled}" if unlabelled else ""]
    return with_note(table, notes)


def further_scores(scores: Scores) -> Dict[str, Any]:
    """Return the results of further scores by `mos_<name>`; None without labels."""
    # not in results of earlier versions
    further = scores.get("further", {})
    return {table_name(name): result for name, result in further.items()}


def read_experiment(exp_dir: Union[str, Path]) -> Dict[str, Scores]:
    """Read every `<inference_tag>/<set>/scores.json` of an experiment.

    Returns:
        Scores by `<inference_tag>/<set>`, sorted.

    Raises:
        ScoringError: There is none, or one is malformed.
    """
    paths = sorted(Path(exp_dir).glob("*/*/scores.json"))
    if not paths:
        raise ScoringError(
            f"no <inference_tag>/<set>/scores.json below {exp_dir}; run mos_score first"
        )
    return {
        path.parent.relative_to(exp_dir).as_posix(): read_scores(path) for path in paths
    }


def experiment_results(name: str, results: Dict[str, Scores]) -> str:
    """Write RESULTS.md's text for the results that `read_experiment` gives.

    Returns:
        Markdown: the environment, then a table and the scatter plots of each
        inference and test set.
    """
    parts = [*results_head(), f"## {name}", EXPLANATION]
    for place, scores in results.items():
        parts += [f"### {place}", set_table(scores)]
        parts += [f"![predictions against labels]({place}/scatter.png)"]
        for name, result in scores.get("further", {}).items():
            if result:
                parts += [f"![{table_name(name)}]({place}/scatter_{name}.png)"]
    return "\n\n".join(parts) + "\n"


def mean_and_std(values: Sequence[Optional[float]]) -> str:
    """Write the mean±standard deviation of several runs; of one run, its value."""
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return UNDEFINED
    std = statistics.stdev(known) if len(known) > 1 else None
    return format_number(statistics.mean(known), std)


def check_same_clips(test_set: str, named_scores: Sequence[Tuple[str, Scores]]) -> None:
    """Check that scores to show side by side are of the same clips.

    Raises:
        ScoringError: The scores are of other sets, or of different clips.
    """
    first_name, first = named_scores[0]
    for name, scores in named_scores:
        if scores["set"] != test_set:
            raise ScoringError(
                f"{name} was scored on {scores['set']}, not on {test_set}; "
                "only results on one set can stand side by side"
            )
        if scores["clips"] != first["clips"]:
            sizes = [s["groups"]["overall"]["utterance"]["n"] for s in (scores, first)]
            raise ScoringError(
                f"{name} was scored on other clips than {first_name}, or with other "
                f"labels ({sizes[0]} and {sizes[1]} clips); score both on one version "
                f"of {test_set}"
            )


def differences_table(rows: Mapping[str, Sequence[Scores]], level: str) -> str:
    """Write how the metrics of each row differ from those of the first, clip by clip.

    Args:
        rows: Name -> scores of its seeds, all of the same clips; at least two rows.
        level: One of `LEVELS`.

    Returns:
        Markdown: differences with their paired 95 % intervals, over systems as those of
        the scores.
    """
    predictions: Dict[str, List[np.ndarray]] = {}
    for name, runs in rows.items():
        for scores in runs:
            clips = read_predictions(scores)
            clusters = systems_of(clips)
            if level == "system":
                clips = clips.groupby("system")[["label", "prediction"]].mean()
                clusters = None
            clips = clips.sort_index()
            predictions.setdefault(name, []).append(clips["prediction"].to_numpy())
    first, *others = predictions
    # not in results of earlier versions
    scale = next(iter(rows.values()))[0].get("mos_scale", ACR)
    table = []
    for name in others:
        found = differences(
            clips["label"], predictions[first], predictions[name], clusters
        )
        if tuple(scale) != ACR:
            found["mse"] = (math.nan, math.nan, math.nan)
        table.append([name, *(format_difference(*found[m]) for m in METRICS)])
    return markdown_table([f"minus {first}", *(m.upper() for m in METRICS)], table)


def comparison(
    test_set: str,
    named_scores: Sequence[Tuple[str, Scores]],
    levels: Sequence[str] = LEVELS,
) -> str:
    """Write the scores of several experiments on one test set side by side.

    Args:
        test_set: Name of the test set.
        named_scores: Names and scores in the order of the rows. A name given several
            times is one system trained with several seeds: each has its row, then
            comes a row with mean±standard deviation over the seeds.
        levels: `utterance` and `system`, or one of them.

    Returns:
        Markdown: for each level a table with every metric overall, LCC and SRCC within
        each native rate, and one with differences from the first and their paired 95 %
        intervals.

    Raises:
        ScoringError: The scores are of other sets, or of different clips.
    """
    check_same_clips(test_set, named_scores)
    _, first = named_scores[0]
    # header, group, metric
    columns = [(metric.upper(), "overall", metric) for metric in METRICS]
    for group in first["groups"]:
        if group != "overall":
            for metric in ("lcc", "srcc"):
                header = f"{metric.upper()} {_group_name(group)}"
                columns.append((header, group, metric))
    runs: Dict[str, List[Scores]] = {}
    for name, scores in named_scores:
        runs.setdefault(name, []).append(scores)
    notes = [scores["label_note"] for _, scores in named_scores]
    sections = [f"## {test_set}"]
    for level in levels:
        rows = []
        for name, mine in runs.items():
            values = [
                [scores["groups"][g][level][m]["value"] for _, g, m in columns]
                for scores in mine
            ]
            for i, row in enumerate(values, 1):
                title = f"{name} #{i}" if len(mine) > 1 else name
                rows.append([title, *map(format_number, row)])
            if len(mine) > 1:
                means = map(mean_and_std, zip(*values, strict=True))
                rows.append([f"{name} mean", *means])
        table = markdown_table(["experiment", *(head for head, _, _ in columns)], rows)
        sections += [level_head(level, first), with_note(table, notes)]
        if len(runs) > 1:
            sections.append(differences_table(runs, level))
    return "\n\n".join(sections) + "\n"
