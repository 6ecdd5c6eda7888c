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
    UNDEFINED,
    Scores,
    check_same_clips,
    format_number,
    markdown_table,
    mean_and_std,
    with_note,
)
from espnet_samos.evaluation.scoring import ScoringError, read_scores
from espnet_samos.utils.figures import GREY, PALETTE, new_figure, rate_name

MODELS = {"ssl_layer_mos": "SSL-Layer-MOS", "sa_ssl_mos": "SA-SSL-MOS"}
TRAININGS = ("train", "pretrain", "two_step")
PLOTTED = ("lcc", "srcc")
OUTSIDE = "†"
SUMMARY_METRICS = ("mse", "lcc", "srcc")
# A published figure: mean and standard deviation, or a mean alone.
Figure = Tuple[float, Optional[float]]
Figures = Dict[str, Dict[str, Figure]]  # level -> metric -> figure


def row_title(row: str, train_set: str, pretrain_set: str) -> str:
    """Return the title of a row: `sa_ssl_mos/train` -> `SA-SSL-MOS, <train_set>`.

    Raises:
        ScoringError: There is no such row.
    """
    model, _, training = row.partition("/")
    if model not in MODELS or training not in TRAININGS:
        raise ScoringError(
            f"no row '{row}': a row is one of {', '.join(MODELS)}, '/', and one of "
            f"{', '.join(TRAININGS)}"
        )
    corpus = dict(
        train=train_set,
        pretrain=pretrain_set,
        two_step=f"{pretrain_set} → {train_set}",
    )
    return f"{MODELS[model]}, {corpus[training]}"


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


def _published_cell(figure: Optional[Figure]) -> str:
    if figure is None:
        return UNDEFINED
    mean, std = figure
    return format_number(mean) + ("" if std is None else f"±{std:.3f}")


def lies_outside(values: Sequence[Optional[float]], figure: Optional[Figure]) -> bool:
    """Return whether the mean of our runs is outside a published mean ± deviation.

    False where either is unknown: nothing can be said then.
    """
    known = [value for value in values if value is not None]
    if figure is None or figure[1] is None or len(known) < len(values):
        return False
    # Published figures have three digits: no mark for half of the last one.
    return abs(statistics.mean(known) - figure[0]) > figure[1] + 0.0005


def _values(
    runs: Sequence[Scores], level: str, metric: str, group: str = "overall"
) -> List[Optional[float]]:
    return [run["groups"][group][level][metric]["value"] for run in runs]


def level_table(
    titles: Mapping[str, str],
    runs: Mapping[str, Sequence[Scores]],
    level: str,
    published: Mapping[str, Mapping[str, Figures]],
) -> str:
    """Write the rows on one test set at one level.

    Args:
        titles: Title of each row, in the order of the table.
        runs: Scores of the runs of each row, as `read_runs` gives them.
        level: `utterance` or `system`.
        published: `rows` and `others` of the test set, as `read_published` gives
            them; may be empty.

    Returns:
        Markdown: mean±standard deviation over runs of each metric; below a row its
        published figures, if there are any; other predictors' at the end.
    """
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
            cells = [_published_cell(figures.get(metric)) for metric in METRICS]
            table.append(["— published", "", *cells])
    for name, levels in published.get("others", {}).items():
        figures = levels.get(level, {})
        cells = [_published_cell(figures.get(metric)) for metric in METRICS]
        table.append([f"{name}, published", "", *cells])
    return markdown_table(
        ["model, trained on", "runs", *(name.upper() for name in METRICS)], table
    )


def rate_table(
    titles: Mapping[str, str],
    runs: Mapping[str, Sequence[Scores]],
    rates: Sequence[str],
) -> str:
    """Write the LCC at the utterance level: one row per model, one column per rate.

    A model that only finds out the rate of a clip correlates well overall, where the
    rates differ in their labels, but not within a rate.

    Args:
        titles: Title of each row, in the order of the table.
        runs: Scores of the runs of each row.
        rates: Native rates in Hz, as the scores have them.
    """
    table = [
        [title]
        + [mean_and_std(_values(runs[row], "utterance", "lcc", rate)) for rate in rates]
        for row, title in titles.items()
    ]
    return markdown_table(["LCC", *(rate_name(int(rate)) for rate in rates)], table)


def summary_table(
    titles: Mapping[str, str],
    runs: Mapping[str, Mapping[str, Sequence[Scores]]],
    metric: str,
) -> str:
    """Write one metric at the utterance level: one row per model, one column per set.

    Args:
        titles: Title of each row, in the order of the table.
        runs: Test set -> row -> scores of its runs.
        metric: A name in `METRICS`.
    """
    table = [
        [
            title,
            *(
                mean_and_std(_values(r[row], "utterance", metric))
                for r in runs.values()
            ),
        ]
        for row, title in titles.items()
    ]
    return markdown_table([metric.upper(), *runs], table)


def experiment_tables(
    titles: Mapping[str, str],
    runs: Mapping[str, Mapping[str, Sequence[Scores]]],
    published: Mapping[str, Mapping[str, Mapping[str, Figures]]],
) -> str:
    """Write all tables of the experiment.

    Args:
        titles: Title of each row, in the order of the tables.
        runs: Test set -> row -> scores of its runs.
        published: As `read_published` gives it; may be empty.

    Returns:
        Markdown: for each test set, the tables of both levels and, if it has several
        native rates, the LCC within each; then, if there are several sets, one table
        of all of them for each of MSE, LCC and SRCC.

    Raises:
        ScoringError: Runs of one test set were scored on different clips.
    """
    sections = []
    for test_set, rows in runs.items():
        check_same_clips(
            test_set, [(row, scores) for row, r in rows.items() for scores in r]
        )
        some_run = rows[next(iter(titles))][0]
        sections.append(f"## {test_set}")
        for level in LEVELS:
            number = some_run["groups"]["overall"][level]["n"]
            unit = "clips" if level == "utterance" else "systems"
            sections.append(f"### {level.capitalize()} level ({number} {unit})")
            if level == "system" and number == 1:
                sections.append("One system, or none known: no scores at this level.")
                continue
            table = level_table(titles, rows, level, published.get(test_set, {}))
            sections.append(with_note(table, [some_run["label_note"]]))
        rates = sorted(some_run["groups"].keys() - {"overall"}, key=int)
        if len(rates) > 1:
            sections.append("### Within each native rate, utterance level")
            table = rate_table(titles, rows, rates)
            sections.append(with_note(table, [some_run["label_note"]]))
        sections.append(f"![LCC and SRCC of every run]({test_set}.png)")
    if len(runs) > 1:
        sections.append("## All test sets, utterance level")
        notes = [r[next(iter(titles))][0]["label_note"] for r in runs.values()]
        sections += [
            with_note(summary_table(titles, runs, metric), notes)
            for metric in SUMMARY_METRICS
        ]
    return "\n\n".join(sections) + "\n"


def plot_runs(
    titles: Mapping[str, str],
    runs: Mapping[str, Sequence[Scores]],
    published_rows: Mapping[str, Figures],
    title: str,
    note: str = "",
) -> Plot:
    """Plot LCC and SRCC at the utterance level.

    Args:
        titles: Title of each row, from top to bottom.
        runs: Scores of the runs of each row.
        published_rows: Published figures of the rows; may be empty.
        title: Title of the figure.
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
            values = [
                run["groups"]["overall"]["utterance"][metric]["value"]
                for run in runs[row]
            ]
            values = [value for value in values if value is not None]
            published = published_rows.get(row, {}).get("utterance", {}).get(metric)
            if published is not None:
                mean, std = published[0], published[1] or 0.0
                axes.barh(
                    *(place, 2 * std),
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
        assert METRICS[metric].higher_is_better  # to the right is better
    panels[0].invert_yaxis()
    handles, labels = panels[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles[:1], labels[:1], loc="outside upper right", fontsize=8)
    return figure
