"""Show the scores of several experiments on one test set side by side."""

import argparse
from pathlib import Path
from typing import List, Optional, Tuple

from espnet_samos.evaluation.report import LEVELS, comparison
from espnet_samos.evaluation.scoring import ScoringError, read_scores


def _named_path(text: str) -> Tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise argparse.ArgumentTypeError(f"'{text}' is not NAME=path/to/scores.json")
    return name, Path(path)


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
    parser.add_argument("--output", type=Path, help="also write the tables here")
    parser.add_argument(
        "scores",
        nargs="+",
        type=_named_path,
        metavar="NAME=path/to/scores.json",
        help="name of an experiment, and its scores on the set",
    )
    return parser


def main(cmd: Optional[List[str]] = None) -> None:
    """Run the command line `cmd`, or that of the process."""
    args = get_parser().parse_args(cmd)
    try:
        text = comparison(
            args.set,
            [(name, read_scores(path)) for name, path in args.scores],
            LEVELS if args.level is None else (args.level,),
        )
    except ScoringError as e:
        raise SystemExit(f"error: {e}") from None
    print(text)
    if args.output is not None:
        args.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
