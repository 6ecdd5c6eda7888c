#!/usr/bin/env python3
"""Split data directories over talkers."""

import argparse
from pathlib import Path

from espnet_samos.bin.errors import exit_on
from espnet_samos.corpora.data_dir import read_data_dir, write_data_dir
from espnet_samos.corpora.folds import make_folds
from espnet_samos.utils.tables import DataError


def get_parser():
    """Return the argument parser."""
    parser = argparse.ArgumentParser(
        description="Split each data directory over its talkers: "
        "<output_dir>/<set>_fold<n>_train, _dev and _test, with labels on the scale "
        "1..5"
    )
    parser.add_argument("--data_dirs", nargs="+", required=True)
    parser.add_argument("--num_folds", type=int, default=2)
    parser.add_argument("--output_dir", required=True)
    return parser


@exit_on(DataError)
def main(cmd=None):
    """Split data directories."""
    args = get_parser().parse_args(cmd)
    for data_dir in map(Path, args.data_dirs):
        note = data_dir / "label_note"
        label_note = note.read_text("utf-8").strip() if note.is_file() else None
        folds = make_folds(read_data_dir(data_dir), args.num_folds)
        for number, parts in enumerate(folds, 1):
            for part, clips in parts.items():
                output = Path(args.output_dir, f"{data_dir.name}_fold{number}_{part}")
                summary = write_data_dir(clips, output, label_note)
                print(f"{output}: {summary.num_clips} clips")


if __name__ == "__main__":
    main()
