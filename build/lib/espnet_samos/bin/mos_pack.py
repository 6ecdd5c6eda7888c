#!/usr/bin/env python3
"""Pack a trained MOS predictor with all that it needs."""

import argparse
from typing import List, Optional

from espnet_samos.bin.errors import exit_on
from espnet_samos.model_zoo.pack import pack_model


def get_parser() -> argparse.ArgumentParser:
    """Return the argument parser."""
    parser = argparse.ArgumentParser(
        description="Pack a trained model, and the local checkpoints that its "
        "frontends were built from, into one archive."
    )
    parser.add_argument("--exp_dir", required=True, help="experiment directory")
    parser.add_argument("--model_file", required=True, help="weights in exp_dir")
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        help="further file or folder of exp_dir, if it is there",
    )
    parser.add_argument("--outpath", required=True, help="archive to write")
    return parser


@exit_on(OSError)
def main(cmd: Optional[List[str]] = None) -> None:
    """Run the command line `cmd`, or that of the process."""
    pack_model(**vars(get_parser().parse_args(cmd)))


if __name__ == "__main__":
    main()
