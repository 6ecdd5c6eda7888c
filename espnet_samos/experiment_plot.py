"""Plot of the paper's experiment: every run of every row on one test set."""

from typing import Mapping, Sequence

from matplotlib.figure import Figure

from espnet_samos.experiment_table import Figures
from espnet_samos.metrics import METRICS
from espnet_samos.plots import GREY, PALETTE, new_figure
from espnet_samos.results_table import Scores

SHOWN = ("lcc", "srcc")


def plot_runs(
    titles: Mapping[str, str],
    runs: Mapping[str, Sequence[Scores]],
    published_rows: Mapping[str, Figures],
    title: str,
    note: str = "",
) -> Figure:
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
    panels = figure.subplots(1, len(SHOWN), sharey=True)
    for axes, metric in zip(panels, SHOWN, strict=True):
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
