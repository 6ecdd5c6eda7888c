#!/usr/bin/env python3
"""Prepare a corpus: one Kaldi data directory for each of its sets."""

import argparse
import importlib
import inspect
import logging
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Dict, List, Mapping, Optional

from espnet_samos.corpora import CORPORA
from espnet_samos.corpora.clip import Clip, DataError
from espnet_samos.corpora.data_dir import DataDirSummary, write_data_dir
from espnet_samos.corpora.kaldi import read_table
from espnet_samos.utils import explain_full_disk


def boolean(text: str) -> bool:
    """Read true or false, as ESPnet does."""
    # `samos --help` comes by here and needs no ESPnet.
    from espnet2.utils.types import str2bool

    return str2bool(text)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how to prepare a corpus, and where to."""
    parser.add_argument(
        "--output_dir",
        default="data",
        help="the data directories are <output_dir>/<set>",
    )
    parser.add_argument(
        "--skip_bad_clips",
        type=boolean,
        default=False,
        help="leave out, and list, what cannot be used, instead of stopping",
    )
    parser.add_argument(
        "--download",
        type=boolean,
        default=False,
        help="fetch the corpus where its folder is not there and its licence allows it",
    )
    parser.add_argument(
        "--nj",
        type=int,
        default=argparse.SUPPRESS,
        help="number of processes, where a corpus is made",
    )
    group = parser.add_argument_group(
        "options of single corpora",
        "each corpus takes those it needs, and refuses the others",
    )
    for name, settings in {
        "table": dict(help="csv: the table of clips; tcd_voip: that of labels"),
        "set_prefix": dict(help="csv: first part of the sets' names"),
        "labels": dict(
            help="audiomos: training labels from the test of mixed rates (mixed, the "
            "default) or from those of single rates (separate)"
        ),
        "audio_dir": dict(help="urgent2024_mos: where its audio is written out"),
        "size": dict(help="mini: small, tiny or large"),
        "band_limited": dict(
            type=boolean, help="mini: add a set of clips with limited bandwidth"
        ),
    }.items():
        group.add_argument(f"--{name}", default=argparse.SUPPRESS, **settings)


def get_parser() -> argparse.ArgumentParser:
    """Give the parser of the command line."""
    parser = argparse.ArgumentParser(
        description="Prepare a corpus: make it where needed, check it, and write one "
        "data directory (wav.scp, mos, utt2sys, utt2fs, utt2spk, spk2utt) a set"
    )
    parser.add_argument("--corpus", required=True, choices=list(CORPORA))
    parser.add_argument(
        "--corpus_dir", default=argparse.SUPPRESS, help="the folder of the corpus"
    )
    add_options(parser)
    return parser


@explain_full_disk
def main(cmd: Optional[List[str]] = None) -> None:
    """Prepare a corpus as the command line says."""
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.INFO)
    parser = get_parser()
    options = vars(parser.parse_args(cmd))
    try:
        prepare(options.pop("corpus"), Path(options.pop("output_dir")), options)
    except argparse.ArgumentError as e:
        parser.error(str(e))
    except (DataError, OSError) as e:
        sys.exit(f"error: {e}")


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
        summaries[name] = write_data_dir(
            clips, directory, label_note, options["skip_bad_clips"]
        )
        plot_labels(directory, label_note or "")
        if summaries[name].num_clips != published.get(name, summaries[name].num_clips):
            logging.warning(
                "%s has %d clips; it was published with %d",
                *(name, summaries[name].num_clips, published[name]),
            )
    print(format_summaries(summaries))
    if label_note is not None:
        print(f"Note: {label_note}.")


def _read_sets(
    corpus: str, module: ModuleType, options: Mapping[str, Any]
) -> Dict[str, List[Clip]]:
    """Give the clips of each set of a corpus."""
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


def plot_labels(directory: Path, note: str) -> None:
    """Write `labels.png`, a histogram; the same labels make the same file."""
    from espnet_samos.plots import label_histogram

    labels: Dict[int, List[float]] = {}
    rates = read_table(directory / "utt2fs")
    for utt, mos in read_table(directory / "mos").items():
        labels.setdefault(int(rates[utt]), []).append(float(mos))
    title = f"{directory.name}: labels of {len(rates)} clips"
    figure = label_histogram(dict(sorted(labels.items())), title, note)
    # Its default is the version of matplotlib.
    figure.savefig(directory / "labels.png", metadata={"Software": None})


def format_summaries(summaries: Mapping[str, DataDirSummary]) -> str:
    """Make a table: a line for each set."""
    lines = [("set", "clips", "h:mm:ss", "systems", "mean", "range", "clips at kHz")]
    for name, s in summaries.items():
        rates = ", ".join(f"{n} at {fs / 1000:g}" for fs, n in s.rates.items())
        minutes, seconds = divmod(round(s.seconds), 60)
        length = f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
        label_range = f"{s.mos_min:.2f}-{s.mos_max:.2f}"
        lines.append(
            (
                *(name, str(s.num_clips), length, str(s.num_systems)),
                *(f"{s.mos_mean:.2f}", label_range, rates),
            )
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


if __name__ == "__main__":
    main()
