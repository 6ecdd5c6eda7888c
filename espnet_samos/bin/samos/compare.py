"""The command `samos compare`."""

import argparse
import sys
from pathlib import Path
from typing import Tuple

from espnet_samos.bin.samos.model_options import add_model_options, load_predictor
from espnet_samos.inference.clip_list import list_clips
from espnet_samos.utils.files import printable

DESCRIPTION = (
    "Compare two systems on the same utterances. Files of the two folders are paired "
    "by their names within the folders; suffixes may differ. Gives the difference "
    "B - A of each pair, its standard deviation and the probability that listeners "
    "would find B better; the mean difference with its 95 % confidence interval over "
    "utterances; and a plot. The difference is that of the predicted scores or, by a "
    "model that was trained on pairs, a comparison from -3 to 3."
)
LEARNT = "learnt from comparisons, -3 (much worse) to 3 (much better)"
OF_SCORES = (
    "of the scores, whose errors are taken as independent; a model trained on pairs "
    "knows better"
)
SURE = 0.95


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
    # so that equal clips give exactly 0
    parser.set_defaults(batch_size=1)


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
    name_a, name_b = _short_names(args.a, args.b)
    how = LEARNT if predictor.compares else OF_SCORES
    print(f"difference {name_b} - {name_a}, {how}")
    results = predictor.compare_clips(
        pairs,
        batch_size=args.batch_size,
        num_workers=args.num_workers,
        progress=sys.stderr.isatty(),
    )
    compared = []
    width = max(len(name) for name, _, _ in pairs)
    for result in results:
        if result.error is not None:
            print(f"samos: error: {result.error}", file=sys.stderr)
            continue
        compared.append(result)
        print(
            f"{printable(result.name):{width}}  {result.mean:+.3f}  "
            f"std {result.std:.3f}  {name_b} better: {result.b_better:.0%}"
        )
    num_failed = len(pairs) - len(compared)
    scores_a = [result.a.mean for result in compared]
    scores_b = [result.b.mean for result in compared]
    differences = [result.mean for result in compared]
    comparison = compare(scores_a, scores_b, differences)
    print(describe(comparison, name_a, name_b, learnt=predictor.compares))
    sure_a = sum(result.b_better <= 1 - SURE for result in compared)
    sure_b = sum(result.b_better >= SURE for result in compared)
    print(
        f"better with {SURE:.0%} or more: {name_b} in {sure_b} pairs, {name_a} in "
        f"{sure_a}"
    )
    figure = paired_scores(
        *(scores_a, scores_b, name_a, name_b, comparison, predictor.label_note),
        differences=differences if predictor.compares else None,
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
