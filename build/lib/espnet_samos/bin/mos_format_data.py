#!/usr/bin/env python3
"""Write a checked copy of a data directory."""

import argparse
import sys
from pathlib import Path

from espnet2.utils.types import str2bool

from espnet_samos.corpora.data_dir import read_data_dir, write_data_dir
from espnet_samos.utils.files import explain_full_disk
from espnet_samos.utils.tables import DataError, read_table


def get_parser():
    """Return the argument parser."""
    parser = argparse.ArgumentParser(
        description="Check the ids and labels of a data directory and write those of "
        "its clips that can be used, sorted, with the rates of their files"
    )
    parser.add_argument("--data_dir", required=True)
    parser.add_argument("--wav_scp", help="The audio; the default is the directory's")
    parser.add_argument(
        "--audio_problems",
        help="Problems that mos_check_audio found, one per line: utterance, reason",
    )
    parser.add_argument(
        "--skip_bad_clips",
        type=str2bool,
        default=False,
        help="Leave out, and list, what cannot be used, instead of stopping",
    )
    parser.add_argument("--output_dir", required=True)
    return parser


@explain_full_disk
def main(cmd=None):
    """Check and format a data directory."""
    args = get_parser().parse_args(cmd)
    note = Path(args.data_dir) / "label_note"
    try:
        summary = write_data_dir(
            read_data_dir(args.data_dir, args.wav_scp),
            args.output_dir,
            label_note=note.read_text().strip() if note.is_file() else None,
            skip_bad_clips=args.skip_bad_clips,
            known_problems=(
                read_table(args.audio_problems) if args.audio_problems else None
            ),
        )
    except DataError as e:
        sys.exit(
            f"error: {e}\n"
            "Correct this, or leave such clips out with --skip_bad_clips true."
        )
    print(
        f"{args.output_dir}: {summary.num_clips} clips, {summary.num_left_out} left out"
    )


if __name__ == "__main__":
    main()
