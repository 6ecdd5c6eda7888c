#!/usr/bin/env python3
"""Prepare a corpus: one Kaldi data directory for each of its sets."""

import argparse
import logging
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

from espnet_samos.corpora import CORPORA
from espnet_samos.utils.files import explain_full_disk
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
    )
    options: Dict[str, Dict[str, Any]] = {
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
    }
    for name, settings in options.items():
        group.add_argument(f"--{name}", default=argparse.SUPPRESS, **settings)


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


@explain_full_disk
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
    except (DataError, OSError) as e:
        sys.exit(f"error: {e}")


if __name__ == "__main__":
    main()
