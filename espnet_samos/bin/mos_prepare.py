#!/usr/bin/env python3
"""Prepare a corpus: one Kaldi data directory for each of its sets."""

import argparse
import logging
from pathlib import Path
from typing import List, Optional

from espnet_samos.bin.errors import exit_on
from espnet_samos.corpora import CORPORA
from espnet_samos.utils.tables import DataError


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
        argument_default=argparse.SUPPRESS,
    )
    group.add_argument("--table", help="csv: the table of clips; tcd_voip: of labels")
    group.add_argument("--set_prefix", help="csv: first part of the sets' names")
    group.add_argument(
        "--labels",
        help="audiomos: training labels from the test of mixed rates (mixed, the "
        "default) or from those of single rates (separate)",
    )
    group.add_argument("--audio_dir", help="urgent*: where their audio is written out")
    group.add_argument("--size", help="mini: small or tiny")
    group.add_argument("--share", type=float, help="broad: how much of it, up to 1")
    group.add_argument(
        "--band_limited",
        type=boolean,
        help="mini: add a set of clips with limited bandwidth",
    )


def get_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        description="Prepare a corpus: make it where needed, check it, and write one "
        "data directory (wav.scp, mos, utt2sys, utt2fs, utt2spk, spk2utt) per set"
    )
    parser.add_argument("--corpus", required=True, choices=list(CORPORA))
    parser.add_argument(
        "--corpus_dir", default=argparse.SUPPRESS, help="the folder of the corpus"
    )
    add_options(parser)
    return parser


@exit_on(DataError, OSError)
def main(cmd: Optional[List[str]] = None) -> None:
    """Prepare a corpus as the command line says."""
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.INFO)
    # Here, for `samos --help` comes by and needs no plots
    from espnet_samos.corpora.prepare import prepare

    parser = get_parser()
    options = vars(parser.parse_args(cmd))
    try:
        prepare(options.pop("corpus"), Path(options.pop("output_dir")), options)
    except argparse.ArgumentError as e:
        parser.error(str(e))


if __name__ == "__main__":
    main()
