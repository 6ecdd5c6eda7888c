"""Show the scores of several experiments on one test set side by side."""

import argparse
from typing import List, Optional, Tuple

from espnet_samos.bin.errors import exit_on
from espnet_samos.evaluation.report import LEVELS, comparison
from espnet_samos.evaluation.scoring import ScoringError, read_scores


def _named_path(text: str) -> Tuple[str, str]:
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise argparse.ArgumentTypeError(f"'{text}' is not NAME=path/to/scores.json")
    return name, path


def get_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        description="Show the scores of several experiments on one test set side by "
        "side. A name given several times is one model trained with several seeds: "
        "each is shown, and their mean.",
    )
    parser.add_argument("--set", required=True, help="name of the test set")
    parser.add_argument(
        "--level", choices=LEVELS, help="show this level only, not both"
    )
    parser.add_argument(
        "scores",
        nargs="+",
        type=_named_path,
        metavar="NAME=path/to/scores.json",
        help="name of an experiment, and its scores on the set",
    )
    return parser


@exit_on(ScoringError)
def main(cmd: Optional[List[str]] = None) -> None:
    """Run the command line `cmd`, or that of the process."""
    args = get_parser().parse_args(cmd)
    named_scores = [(name, read_scores(path)) for name, path in args.scores]
    print(comparison(args.set, named_scores, [args.level] if args.level else LEVELS))


if __name__ == "__main__":
    main()
