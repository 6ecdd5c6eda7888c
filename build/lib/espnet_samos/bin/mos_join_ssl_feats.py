#!/usr/bin/env python3
"""Verify SSL features on disk and list them."""

import argparse
from pathlib import Path

from espnet_samos.bin.errors import exit_on
from espnet_samos.train.ssl_feats import join_shards


def get_parser():
    """Return the argument parser."""
    parser = argparse.ArgumentParser(
        description="Verify SSL features on disk, by count and size, and write "
        "ssl_feats.scp beside them; fail where they are not whole"
    )
    parser.add_argument("--data_dirs", nargs="+", required=True)
    parser.add_argument(
        "--feats_dirs", nargs="+", required=True, help="One for each data directory"
    )
    return parser


@exit_on(ValueError)
def main(cmd=None):
    """Verify and list SSL features."""
    args = get_parser().parse_args(cmd)
    for data_dir, feats_dir in zip(args.data_dirs, args.feats_dirs, strict=True):
        join_shards(Path(data_dir), Path(feats_dir))


if __name__ == "__main__":
    main()
