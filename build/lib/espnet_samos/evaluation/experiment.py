"""Tables of the paper's experiment: rows with several runs, beside published figures.

A row is `<model>/<training>`: the model is `ssl_layer_mos` or `sa_ssl_mos`, the
training `train` (the small set alone), `pretrain` (the large one alone) or `two_step`
(both).
"""

import statistics
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import yaml
from matplotlib.figure import Figure as Plot

from espnet_samos.evaluation.metrics import METRICS
from espnet_samos.evaluation.report import (
    LEVELS,
    Scores,
    check_same_clips,
    differences_table,
    format_number,
    level_head,
    markdown_table,
    mean_and_std,
    with_note,
)
from espnet_samos.evaluation.scoring import ScoringError, read_scores
from espnet_samos.utils.figures import GREY, PALETTE, new_figure, rate_name

MODELS = {"ssl_layer_mos": "SSL-Layer-MOS", "sa_ssl_mos": "SA-SSL-MOS"}
PLOTTED = ("lcc", "srcc")
OUTSIDE = "†"
SUMMARY_METRICS = ("mse", "lcc", "srcc")
# A published figure: mean and standard deviation, or a mean alone.
Figure = Tuple[float, Optional[float]]
Figures = Dict[str, Dict[str, Figure]]  # level -> metric -> figure
Rows = Mapping[str, Sequence[Scores]]  # row -> scores of its runs


def row_title(row: str, train_set: str, pretrain_set: str) -> str:
    """Return the title of a row: `sa_ssl_mos/train` -> `SA-SSL-MOS, <train_set>`.

    Raises:
        ScoringError: There is no such row.
    """
    model, _, training = row.partition("/")
    corpora = dict(
        train=train_set,
        pretrain=pretrain_set,
        two_step=f"{pretrain_set} → {train_set}",
    )
    if model not in MODELS or training not in corpora:
        raise ScoringError(
            f"no row '{row}': a row is one of {', '.join(MODELS)}, '/', and one of "
            f"{', '.join(corpora)}"
        )
    return f"{MODELS[model]}, {corpora[training]}"


def read_runs(
    exp_dir: Union[str, Path], row: str, inference_tag: str, test_set: str
) -> List[Scores]:
    """Read the scores of all runs of a row on one test set.

    Raises:
        ScoringError: There is none, or one is malformed.
    """
    pattern = f"{row}/run*/{inference_tag}/{test_set}/scores.json"
    paths = sorted(Path(exp_dir).glob(pattern))
    if not paths:
        raise ScoringError(f"no {Path(exp_dir) / pattern}: run the trainings first")
    return [read_scores(path) for path in paths]


def _figures(levels: Mapping[str, Mapping[str, Any]]) -> Figures:
    figures: Figures = {}
    for level, values in levels.items():
        if level not in LEVELS or set(values) - set(METRICS):
            raise ValueError(f"{level}: {sorted(values)}")
        figures[level] = {
            metric: (float(value[0]), float(value[1]))
            if isinstance(value, list)
            else (float(value), None)
            for metric, value in values.items()
        }
    return figures


def read_published(path: Union[str, Path]) -> Dict[str, Dict[str, Dict[str, Figures]]]:
    """Read published figures.

    Args:
        path: YAML: test set -> `rows` and `others` -> name -> `utterance` and
            `system` -> metric -> [mean, standard deviation] or a number.

    Returns:
        The same, with each figure as (mean, standard deviation or None).

    Raises:
        ScoringError: The file is missing or of another form.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        return {
            test_set: {
                kind: {name: _figures(levels) for name, levels in tables[kind].items()}
                for kind in tables
            }
            for test_set, tables in content.items()
        }
    except OSError as e:
        raise ScoringError(f"cannot read {path}: {e.strerror}") from None
    except (yaml.YAMLError, AttributeError, TypeError, ValueError, IndexError) as e:
        raise ScoringError(f"{path} is no file of published figures: {e}") from None


def lies_outside(values: Sequence[Optional[float]], figure: Optional[Figure]) -> bool:
    """Return whether the mean of our runs is outside a published mean ± deviation.

    False where either is unknown: nothing can be said then.
    """
    known = _known(values)
    if figure is None or figure[1] is None or len(known) < len(values):
        return False
    # Published figures have three digits: no mark for half of the last one.
    return abs(statistics.mean(known) - figure[0]) > figure[1] + 0.0005


def _values(
    runs: Sequence[Scores], level: str, metric: str, group: str = "overall"
) -> List[Optional[float]]:
    return [run["groups"][group][level][metric]["value"] for run in runs]


def _known(values: Sequence[Optional[float]]) -> List[float]:
    return [value for value in values if value is not None]


def _level_table(
    titles: Mapping[str, str],
    runs: Rows,
    level: str,
    published: Mapping[str, Mapping[str, Figures]],
) -> str:
    """Write the rows on one test set at one level, above their published figures."""

    def published_row(title: str, figures: Mapping[str, Figure]) -> List[str]:
        cells = [format_number(*figures.get(m, (None, None))) for m in METRICS]
        return [title, "", *cells]

    table = []
    for row, title in titles.items():
        figures = published.get("rows", {}).get(row, {}).get(level, {})
        cells = []
        for metric in METRICS:
            values = _values(runs[row], level, metric)
            mark = OUTSIDE if lies_outside(values, figures.get(metric)) else ""
            cells.append(mean_and_std(values) + mark)
        table.append([title, str(len(runs[row])), *cells])
        if figures:
            table.append(published_row("— published", figures))
    for name, levels in published.get("others", {}).items():
        table.append(published_row(f"{name}, published", levels.get(level, {})))
    header = ["model, trained on", "runs", *(name.upper() for name in METRICS)]
    return markdown_table(header, table)


def _means_table(
    titles: Mapping[str, str], columns: Mapping[str, Tuple[Rows, str]], metric: str
) -> str:
    """Write one metric at the utterance level, one row per model.

    Args:
        titles: Title of each row.
        columns: Header of each column -> the runs of each row, and the group of clips.
        metric: A name in `METRICS`.
    """
    table = []
    for row, title in titles.items():
        cells = [
            mean_and_std(_values(runs[row], "utterance", metric, group))
            for runs, group in columns.values()
        ]
        table.append([title, *cells])
    return markdown_table([metric.upper(), *columns], table)


def experiment_tables(
    titles: Mapping[str, str],
    runs: Mapping[str, Rows],
    published: Mapping[str, Mapping[str, Mapping[str, Figures]]],
) -> str:
    """Write all tables of the experiment.

    Args:
        titles: Title of each row, in the order of the tables.
        runs: Test set -> row -> scores of its runs.
        published: As `read_published` gives it; may be empty.

    Returns:
        Markdown: for each test set, the tables of both levels, each with differences
        from the first row and their paired 95 % intervals, and, if it has several
        native rates, the LCC within each; then, if there are several sets, one table
        of all of them for each of MSE, LCC and SRCC.

    Raises:
        ScoringError: Runs of one test set were scored on different clips.
    """
    sections = []
    notes = []
    for test_set, rows in runs.items():
        check_same_clips(
            test_set, [(row, scores) for row, r in rows.items() for scores in r]
        )
        some_run = rows[next(iter(titles))][0]
        note = some_run["label_note"]
        notes.append(note)
        sections.append(f"## {test_set}")
        for level in LEVELS:
            sections.append(level_head(level, some_run))
            if level == "system" and some_run["groups"]["overall"][level]["n"] == 1:
                sections.append("One system, or none known: no scores at this level.")
                continue
            table = _level_table(titles, rows, level, published.get(test_set, {}))
            sections.append(with_note(table, [note]))
            named = {title: rows[row] for row, title in titles.items()}
            if len(named) > 1:
                sections.append(differences_table(named, level))
        rates = [group for group in some_run["groups"] if group != "overall"]
        if len(rates) > 1:
            # A model that only finds out the rate of a clip correlates well overall,
            # where the rates differ in their labels, but not within a rate.
            sections.append("### Within each native rate, utterance level")
            columns = {rate_name(int(rate)): (rows, rate) for rate in rates}
            sections.append(with_note(_means_table(titles, columns, "lcc"), [note]))
        sections.append(f"![LCC and SRCC of every run]({test_set}.png)")
    if len(runs) > 1:
        sections.append("## All test sets, utterance level")
        columns = {test_set: (rows, "overall") for test_set, rows in runs.items()}
        for metric in SUMMARY_METRICS:
            table = _means_table(titles, columns, metric)
            sections.append(with_note(table, notes))
    return "\n\n".join(sections) + "\n"


def plot_runs(
    titles: Mapping[str, str],
    runs: Rows,
    published_rows: Mapping[str, Figures],
    title: str,
    note: str = "",
) -> Plot:
    """Plot LCC and SRCC at the utterance level.

    Args:
        titles: Title of each row, from top to bottom.
        published_rows: Published figures of the rows; may be empty.
        note: A line at the foot: what the labels are.

    Returns:
        A figure with a panel for each metric: a mark for each run, a line at their
        mean, and a grey band of the published mean ± standard deviation.
    """
    figure = new_figure(10.5, 1.6 + 0.5 * len(titles), title, note)
    panels = figure.subplots(1, len(PLOTTED), sharey=True)
    for axes, metric in zip(panels, PLOTTED, strict=True):
        for place, row in enumerate(titles):
            colour = PALETTE[2] if row.startswith("sa_") else PALETTE[0]
            values = _known(_values(runs[row], "utterance", metric))
            published = published_rows.get(row, {}).get("utterance", {}).get(metric)
            if published is not None:
                mean, std = published[0], published[1] or 0.0
                axes.barh(
                    place,
                    2 * std,
                    left=mean - std,
                    height=0.7,
                    color=GREY,
                    alpha=0.2,
                    label="published mean ± standard deviation",
                )
                axes.vlines(mean, place - 0.35, place + 0.35, color=GREY, linewidth=1)
            if values:
                mean = sum(values) / len(values)
                axes.plot(values, [place] * len(values), "o", color=colour, alpha=0.7)
                axes.vlines(mean, place - 0.25, place + 0.25, color=colour)
        axes.set(xlabel=f"{metric.upper()}, utterance level")
        axes.set_yticks(range(len(titles)), titles.values())
        axes.grid(axis="x", alpha=0.25)
    panels[0].invert_yaxis()
    handles, labels = panels[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles[:1], labels[:1], loc="outside upper right", fontsize=8)
    return figure
