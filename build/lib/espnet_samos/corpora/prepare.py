"""Preparing a corpus: one Kaldi data directory for each of its sets."""

import argparse
import importlib
import inspect
import logging
from pathlib import Path
from types import ModuleType
from typing import Any, Dict, List, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from espnet_samos.corpora import CORPORA
from espnet_samos.corpora.clip import ClipSets
from espnet_samos.corpora.data_dir import DataDirSummary, write_data_dir
from espnet_samos.utils.figures import PALETTE, new_figure, rate_name
from espnet_samos.utils.mos_scale import ACR, Scale, format_scale, read_mos_scale
from espnet_samos.utils.tables import DataError, read_table


def prepare(corpus: str, output_dir: Path, options: Mapping[str, Any]) -> None:
    """Write a corpus' data directories, each with a figure of its labels.

    Args:
        corpus: A key of `CORPORA`.
        output_dir: The directories are `output_dir/<set>`.
        options: Arguments of the corpus' `prepare`, `skip_bad_clips` and `download`.

    Raises:
        argparse.ArgumentError: An option is not of this corpus, or one that it needs
            is missing.
        DataError: The corpus is not there, or cannot be used.
    """
    module = importlib.import_module(CORPORA[corpus])
    sets = _read_sets(corpus, module, options)
    label_note = getattr(module, "LABEL_NOTE", None)
    published = getattr(module, "NUM_CLIPS", {})
    summaries = {}
    for name, clips in sets.items():
        directory = output_dir / name
        summary = write_data_dir(
            clips, directory, label_note, options["skip_bad_clips"]
        )
        summaries[name] = summary
        plot_labels(directory, label_note or "")
        if summary.num_clips != published.get(name, summary.num_clips):
            logging.warning(
                f"{name} has {summary.num_clips} clips; it was published with "
                f"{published[name]}"
            )
    print(format_summaries(summaries))
    if label_note is not None:
        print(f"Note: {label_note}.")


def _read_sets(corpus: str, module: ModuleType, options: Mapping[str, Any]) -> ClipSets:
    parameters = inspect.signature(module.prepare).parameters
    # These are for any corpus, also one that has no use for them.
    unused = {"nj", "skip_bad_clips"} - set(parameters)
    unused.add("download")
    if hasattr(module, "WHERE"):
        corpus_dir = options.get("corpus_dir")
        if corpus_dir is not None and options["download"]:
            from espnet_samos.corpora.download import download

            download(corpus, corpus_dir)
        if corpus_dir is None or not Path(corpus_dir).is_dir():
            raise DataError(
                f"corpus {corpus}: no folder {corpus_dir or 'given'}: set "
                f"{corpus.upper()} in db.sh to where you have it, or name the folder "
                f"in the command.\nGet the corpus from {module.WHERE}."
            )
    options = {name: value for name, value in options.items() if name not in unused}
    try:
        inspect.signature(module.prepare).bind(**options)
    except TypeError as e:
        known = ", ".join(f"--{name}" for name in parameters)
        message = f"corpus {corpus}: {e} (its options: {known})"
        raise argparse.ArgumentError(None, message) from e
    return module.prepare(**options)


def label_histogram(
    labels: Mapping[int, Sequence[float]],
    title: str,
    note: str = "",
    scale: Scale = ACR,
) -> Figure:
    """Plot how many clips have which label.

    Args:
        labels: Labels of the clips at each sampling rate in Hz.
        title: Title of the figure.
        note: A line at the foot: what the labels are.
        scale: The scale of the labels.

    Returns:
        A figure with 16 bars, on the scale 1 to 5 a quarter of a point each, one rate
        upon the other.
    """
    figure = new_figure(5.6, 3.6, title, note)
    axes = figure.subplots()
    axes.hist(
        list(labels.values()),
        bins=np.linspace(*scale, 17).tolist(),
        stacked=True,
        color=[PALETTE[i % len(PALETTE)] for i in range(len(labels))],
        label=[f"{rate_name(fs)}: n = {len(values)}" for fs, values in labels.items()],
    )
    axes.set(xlim=scale, xlabel="label", ylabel="clips")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.25)
    axes.legend(fontsize=9)
    return figure


def plot_labels(directory: Path, note: str) -> None:
    """Write `labels.png`, a histogram; the same labels make the same file."""
    labels: Dict[int, List[float]] = {}
    rates = read_table(directory / "utt2fs")
    for utt, mos in read_table(directory / "mos").items():
        labels.setdefault(int(rates[utt]), []).append(float(mos))
    title = f"{directory.name}: labels of {len(rates)} clips"
    scale = read_mos_scale(directory)
    figure = label_histogram(dict(sorted(labels.items())), title, note, scale)
    # Its default is the version of matplotlib.
    figure.savefig(directory / "labels.png", metadata={"Software": None})


def format_summaries(summaries: Mapping[str, DataDirSummary]) -> str:
    """Make a table: a line for each set; scales only where one is not 1 to 5."""
    rows = []
    other_scale = any(s.scale != ACR for s in summaries.values())
    for s in summaries.values():
        minutes, seconds = divmod(round(s.seconds), 60)
        row = {
            "clips": s.num_clips,
            "h:mm:ss": f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}",
            "systems": s.num_systems,
            "mean": f"{s.mos_mean:.2f}",
            "range": f"{s.mos_min:.2f}-{s.mos_max:.2f}",
            "clips at kHz": ", ".join(
                f"{n} at {fs / 1000:g}" for fs, n in s.rates.items()
            ),
        }
        if other_scale:
            row["scale"] = format_scale(s.scale, "-")
        rows.append(row)
    return pd.DataFrame(rows, index=list(summaries)).to_string()
