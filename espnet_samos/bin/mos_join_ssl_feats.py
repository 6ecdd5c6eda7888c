#!/usr/bin/env python3
"""Verify SSL features on disk and list them."""

import argparse
import sys
from pathlib import Path

from espnet_samos.train.ssl_feats import join_shards
from espnet_samos.utils.files import explain_full_disk


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


@explain_full_disk
def main(cmd=None):
    """Verify and list SSL features."""
    args = get_parser().parse_args(cmd)
    try:
        for data_dir, feats_dir in zip(args.data_dirs, args.feats_dirs, strict=True):
            join_shards(Path(data_dir), Path(feats_dir))
    except ValueError as e:
        sys.exit(f"mos_join_ssl_feats: error: {e}")


if __name__ == "__main__":
    main()
