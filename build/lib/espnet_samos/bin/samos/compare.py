"""The command `samos compare`."""

import argparse
import itertools
import sys
from pathlib import Path
from typing import Tuple

from espnet_samos.bin.samos.model_options import add_model_options, load_predictor
from espnet_samos.inference.clip_list import list_clips

DESCRIPTION = (
    "Compare two systems on the same utterances. Files of the two folders are paired "
    "by their names within the folders; suffixes may differ. Gives the mean difference "
    "B - A of the predicted scores with its 95 % confidence interval over utterances, "
    "and a plot."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("a", type=Path, help="folder of system A")
    parser.add_argument("b", type=Path, help="folder of system B")
    parser.add_argument(
        "--recursive", action="store_true", help="look into the folders of folders"
    )
    parser.add_argument(
        "--plot",
        type=Path,
        default=Path("comparison.png"),
        help="file of the plot (default: %(default)s)",
    )
    add_model_options(parser)


def run(args: argparse.Namespace) -> int:
    """Score all pairs, and print and plot the comparison; return 1 if some failed."""
    for folder in (args.a, args.b):
        if not folder.is_dir():
            raise FileNotFoundError(f"no such folder: {folder}")
    # scipy takes a while to import: not for --help
    from espnet_samos.evaluation.paired import compare, describe, pair_files
    from espnet_samos.evaluation.plots import paired_scores

    files = [
        [n for n, _ in list_clips([str(f)], args.recursive)] for f in (args.a, args.b)
    ]
    pairs, alone = pair_files(files[0], args.a, files[1], args.b)
    for file in alone:
        print(f"samos: {file} has no partner, and is left out", file=sys.stderr)
    if not pairs:
        raise ValueError(f"no file of {args.a} has the name of one of {args.b}")
    predictor = load_predictor(args)
    results = predictor.predict_files(
        list(itertools.chain.from_iterable(pair[1:] for pair in pairs)),
        batch_size=args.batch_size,
        num_workers=args.num_workers,
        progress=sys.stderr.isatty(),
    )
    scores_a, scores_b = [], []
    num_failed = 0
    # one after the other: results come while files are read
    for a, b in zip(results, results, strict=True):
        errors = [result.error for result in (a, b) if result.error is not None]
        for error in errors:
            print(f"samos: error: {error}", file=sys.stderr)
        if errors:
            num_failed += 1
        else:
            scores_a.append(a.mean)
            scores_b.append(b.mean)
    comparison = compare(scores_a, scores_b)
    name_a, name_b = _short_names(args.a, args.b)
    print(describe(comparison, name_a, name_b))
    figure = paired_scores(
        *(scores_a, scores_b, name_a, name_b, comparison, predictor.label_note)
    )
    args.plot.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(args.plot)
    print(f"plot: {args.plot}")
    if num_failed:
        print(f"samos: {num_failed} of {len(pairs)} pairs not scored", file=sys.stderr)
    if predictor.label_note:
        print(f"samos: note: {predictor.label_note}", file=sys.stderr)
    return 1 if num_failed else 0


def _short_names(a: Path, b: Path) -> Tuple[str, str]:
    """Return the names of the folders, or their paths where these are alike."""
    if a.resolve().name != b.resolve().name:
        return a.resolve().name, b.resolve().name
    return str(a), str(b)
