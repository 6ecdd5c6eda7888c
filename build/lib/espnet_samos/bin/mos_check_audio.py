#!/usr/bin/env python3
"""Read every clip of a list and write which ones cannot be used."""

import argparse

from tqdm import tqdm

from espnet_samos.audio.reading import AudioError, read_clip
from espnet_samos.utils.files import explain_full_disk
from espnet_samos.utils.tables import read_table


def get_parser():
    """Return the argument parser."""
    parser = argparse.ArgumentParser(
        description="Read every clip of a wav.scp to its end and list those that "
        "cannot be used, one per line: utterance and reason"
    )
    parser.add_argument("--wav_scp", required=True)
    parser.add_argument(
        "--multichannel",
        choices=["error", "downmix"],
        default="error",
        help="Clips of several channels: a problem, or to be mixed down",
    )
    parser.add_argument("--output", required=True, help="The list of problems")
    return parser


@explain_full_disk
def main(cmd=None):
    """Check the clips of a list."""
    args = get_parser().parse_args(cmd)
    files = read_table(args.wav_scp)
    with open(args.output, "w", encoding="utf-8") as output:
        for utt, path in tqdm(files.items(), desc="checking audio"):
            try:
                read_clip(path, args.multichannel)
            except AudioError as e:
                output.write(f"{utt} {e}\n")


if __name__ == "__main__":
    main()
