#!/usr/bin/env python3
"""Make data directories of a table of pairs."""

import argparse
import logging
import statistics
from pathlib import Path

from espnet_samos.bin.errors import exit_on
from espnet_samos.bin.mos_prepare import boolean
from espnet_samos.corpora.pairs import read_pairs, write_pair_dir
from espnet_samos.utils.tables import DataError


def get_parser():
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        description="Check a table of pairs of clips, and write a data directory "
        "(wav.scp, utt2fs, wav_b.scp, utt2fs_b, ccr) for each of its sets"
    )
    parser.add_argument(
        "table", help="with columns path_a, path_b and ccr, -3..3, above 0: B is better"
    )
    parser.add_argument(
        "--output_dir",
        type=Path,
        default=Path("data"),
        help="the data directories are <output_dir>/<set>",
    )
    parser.add_argument("--set_prefix", help="first part of the sets' names")
    parser.add_argument(
        "--skip_bad_clips",
        type=boolean,
        default=False,
        help="leave out, and list, what cannot be used, instead of stopping",
    )
    return parser


@exit_on(DataError, OSError)
def main(cmd=None):
    """Write the data directories."""
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.INFO)
    args = get_parser().parse_args(cmd)
    sets = read_pairs(args.table, args.set_prefix, args.skip_bad_clips)
    for name, pairs in sets.items():
        write_pair_dir(pairs, args.output_dir / name)
        labels = [pair.ccr for pair in pairs]
        print(
            f"{args.output_dir / name}: {len(pairs)} pairs, comparison "
            f"{min(labels):+.2f} .. {max(labels):+.2f}, mean "
            f"{statistics.fmean(labels):+.2f}"
        )


if __name__ == "__main__":
    main()
