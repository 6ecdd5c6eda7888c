#!/usr/bin/env python3
"""Prepare a corpus: one Kaldi data directory for each of its sets."""

import argparse
import importlib
import inspect
import logging
import sys
from pathlib import Path
from typing import Dict, List, Optional

from espnet2.utils.types import str2bool

from espnet_samos.corpora import CORPORA
from espnet_samos.corpora.clip import DataError
from espnet_samos.corpora.data_dir import DataDirSummary, write_data_dir


def get_parser() -> argparse.ArgumentParser:
    """Give the parser of the command line."""
    parser = argparse.ArgumentParser(
        description="Prepare a corpus: make it where needed, check it, and write one "
        "data directory (wav.scp, mos, utt2sys, utt2fs, utt2spk, spk2utt) a set",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument("--corpus", required=True, choices=list(CORPORA))
    parser.add_argument(
        "--output_dir",
        default="data",
        help="the data directories are <output_dir>/<set>",
    )
    parser.add_argument(
        "--nj", type=int, help="number of processes, where a corpus is made"
    )
    parser.add_argument(
        "--skip_bad_clips",
        type=str2bool,
        default=False,
        help="leave out, and list, what cannot be used, instead of stopping",
    )
    options = parser.add_argument_group(
        "options of single corpora",
        "each corpus takes those it needs, and refuses the others",
    )
    options.add_argument("--corpus_dir", help="the folder of the corpus")
    options.add_argument("--table", help="csv: the table of clips")
    options.add_argument("--set_prefix", help="csv: first part of the sets' names")
    options.add_argument("--size", help="mini: small or tiny")
    return parser


def main(cmd: Optional[List[str]] = None) -> None:
    """Prepare a corpus as the command line says."""
    logging.basicConfig(format="%(levelname)s: %(message)s")
    parser = get_parser()
    options = vars(parser.parse_args(cmd))
    corpus = options.pop("corpus")
    output_dir = Path(options.pop("output_dir"))
    skip_bad_clips = options["skip_bad_clips"]
    module = importlib.import_module(CORPORA[corpus])
    parameters = inspect.signature(module.prepare).parameters
    # These are for any corpus, also one that has no use for them.
    for name in {"nj", "skip_bad_clips"} - set(parameters):
        options.pop(name, None)
    try:
        inspect.signature(module.prepare).bind(**options)
    except TypeError as e:
        known = ", ".join(f"--{name}" for name in parameters)
        parser.error(f"corpus {corpus}: {e} (its options: {known})")

    label_note = getattr(module, "LABEL_NOTE", None)
    try:
        summaries = {
            name: write_data_dir(clips, output_dir / name, label_note, skip_bad_clips)
            for name, clips in module.prepare(**options).items()
        }
    except DataError as e:
        sys.exit(f"error: {e}")
    print(format_summaries(summaries))
    if label_note is not None:
        print(f"Note: {label_note}.")


def format_summaries(summaries: Dict[str, DataDirSummary]) -> str:
    """Make a table: a line for each set."""
    lines = [("set", "clips", "minutes", "systems", "mean", "range", "clips at kHz")]
    for name, s in summaries.items():
        rates = ", ".join(f"{n} at {fs / 1000:g}" for fs, n in s.rates.items())
        minutes = f"{s.seconds / 60:.1f}"
        label_range = f"{s.mos_min:.2f}-{s.mos_max:.2f}"
        lines.append(
            (
                *(name, str(s.num_clips), minutes, str(s.num_systems)),
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
