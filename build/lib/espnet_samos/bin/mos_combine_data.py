#!/usr/bin/env python3
"""Combine data directories."""

import argparse

from espnet_samos.bin.errors import exit_on
from espnet_samos.corpora.data_dir import CATEGORIES, combine_data_dirs
from espnet_samos.utils.tables import DataError


def get_parser():
    """Return the argument parser."""
    parser = argparse.ArgumentParser(
        description="Write one data directory with the clips of several, and which "
        "corpus each is of (utt2corpus, category2utt)",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--data_dirs", nargs="+", required=True)
    parser.add_argument(
        "--corpora", nargs="+", required=True, help="The corpus of each directory"
    )
    parser.add_argument(
        "--category",
        choices=CATEGORIES,
        default="corpus",
        help="What ESPnet's category iterator balances",
    )
    parser.add_argument("--output_dir", required=True)
    return parser


@exit_on(DataError)
def main(cmd=None):
    """Combine data directories."""
    parser = get_parser()
    args = parser.parse_args(cmd)
    if len(args.data_dirs) != len(args.corpora):
        parser.error(
            f"{len(args.data_dirs)} --data_dirs, but {len(args.corpora)} --corpora: "
            "give one for each"
        )
    summary = combine_data_dirs(
        args.data_dirs, args.corpora, args.output_dir, args.category
    )
    print(f"{args.output_dir}: {summary.num_clips} clips")


if __name__ == "__main__":
    main()
