#!/usr/bin/env python3
"""The command `samos`."""

import argparse
import sys
from pathlib import Path

from espnet_samos import __version__

DEFAULT_CHECKPOINT = "valid.lcc.best.pth"


def score(args: argparse.Namespace) -> int:
    """Print a line for each file; return how many could not be scored."""
    # torch takes seconds to import: not for --help
    from espnet_samos.audio import AudioError
    from espnet_samos.predictor import MosPredictor

    model_file = Path(args.model)
    if model_file.is_dir():
        model_file = model_file / DEFAULT_CHECKPOINT
    predictor = MosPredictor(model_file, device=args.device)
    failed = 0
    print("mean\tstd\tfile")
    for path in args.files:
        try:
            result = predictor.score_file(path)
        except AudioError as e:
            print(f"samos: error: {e}", file=sys.stderr)
            failed += 1
        else:
            print(f"{result.mean:.3f}\t{result.std:.3f}\t{path}")
    if failed:
        print(f"samos: {failed} of {len(args.files)} files not scored", file=sys.stderr)
    return failed


def get_parser():
    """Return the argument parser."""
    parser = argparse.ArgumentParser(
        prog="samos", description="Predict the quality (MOS) of speech at any rate"
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)

    command = commands.add_parser(
        "score",
        help="score audio files with a trained model",
        description="Print each file's predicted mean opinion score and the "
        "predicted standard deviation, on the scale of the labels that the model "
        "was trained on. Exit status 1: a file could not be scored.",
    )
    command.add_argument("files", nargs="+", help="audio files of any sampling rate")
    command.add_argument(
        "--model",
        required=True,
        help=f"an experiment's directory ({DEFAULT_CHECKPOINT} in it) or a .pth file "
        "with its config.yaml beside it",
    )
    command.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    command.set_defaults(function=score)
    return parser


def main(cmd=None):
    """Run the command `samos`."""
    parser = get_parser()
    args = parser.parse_args(cmd)
    try:
        failed = args.function(args)
    except FileNotFoundError as e:
        parser.error(str(e))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
