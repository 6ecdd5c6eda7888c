"""The command `samos prepare`."""

import argparse
from pathlib import Path

from espnet_samos.bin import mos_prepare
from espnet_samos.corpora import CORPORA

DESCRIPTION = (
    "Check a corpus and make Kaldi data directories of it. Reads a corpus as it was "
    "published, or a table of your own, and writes one data directory per set, with a "
    "histogram of its labels."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("corpus", choices=list(CORPORA))
    parser.add_argument("source", help="the corpus' folder; csv: the table")
    mos_prepare.add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Write a corpus' data directories."""
    options = dict(vars(args))
    for name in ("command", "run", "corpus", "source", "output_dir"):
        del options[name]
    options["table" if args.corpus == "csv" else "corpus_dir"] = args.source
    from espnet_samos.corpora.prepare import prepare

    try:
        prepare(args.corpus, Path(args.output_dir), options)
    except argparse.ArgumentError as e:
        raise ValueError(str(e)) from e
    return 0
