"""The command `samos track`."""

import argparse
import sys
from pathlib import Path

from espnet_samos.bin.samos.model_options import add_model_options, load_predictor

DESCRIPTION = (
    "Score a file over time. A line for each window: where it begins and ends in "
    "seconds, score and predicted standard deviation; nan for a silent window. Hours "
    "are fine: memory does not grow with the file."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("file", help="audio file")
    parser.add_argument(
        "--hop_seconds",
        type=float,
        help="from one window to the next (default: half a window)",
    )
    parser.add_argument("--plot", type=Path, help="file of a plot")
    add_model_options(parser, windows=False)


def run(args: argparse.Namespace) -> int:
    """Print a line for each window as it is scored."""
    predictor = load_predictor(args)
    scores = []
    print("start,end,mean,std")
    for score in predictor.predict_windows(
        args.file,
        hop_seconds=args.hop_seconds,
        batch_size=args.batch_size,
        num_workers=args.num_workers,
    ):
        scores.append(score)
        print(f"{score.start:.3f},{score.end:.3f},{score.mean:.4f},{score.std:.4f}")
    if args.plot is not None:
        from espnet_samos.inference.plots import score_track

        figure = score_track(scores, Path(args.file).name, predictor.label_note)
        args.plot.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(args.plot)
    if predictor.label_note:
        print(f"samos: note: {predictor.label_note}", file=sys.stderr)
    return 0
