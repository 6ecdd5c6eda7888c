"""The command `samos track`."""

import argparse
import itertools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Iterator

from espnet_samos.audio.reading import read_stream
from espnet_samos.bin.samos.model_options import add_model_options, load_predictor
from espnet_samos.inference.result import score_columns

if TYPE_CHECKING:
    from espnet_samos.inference.predictor import MosPredictor
    from espnet_samos.inference.result import WindowScore

DESCRIPTION = (
    "Score a file over time. A line for each window: where it begins and ends in "
    "seconds, score and predicted standard deviation, and those of further scores; nan "
    "for a silent window. Hours are fine: memory does not grow with the file."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "file", help="audio file; '-' for sound on standard input, scored as it arrives"
    )
    parser.add_argument(
        "--raw_fs",
        type=int,
        help="standard input is raw samples of this rate in Hz: 16 bit, little endian, "
        "mono",
    )
    parser.add_argument(
        "--hop_seconds",
        type=float,
        help="from one window to the next (default: half a window)",
    )
    parser.add_argument("--plot", type=Path, help="file of a plot")
    add_model_options(parser, windows=False)


def _of_file(
    predictor: "MosPredictor", args: argparse.Namespace
) -> Iterator["WindowScore"]:
    yield from predictor.predict_windows(
        args.file,
        hop_seconds=args.hop_seconds,
        batch_size=args.batch_size,
        num_workers=args.num_workers,
    )


def _live(
    predictor: "MosPredictor", args: argparse.Namespace
) -> Iterator["WindowScore"]:
    from espnet_samos.inference.live import LiveScorer

    clip = read_stream(sys.stdin.buffer.raw, args.multichannel, args.raw_fs)
    scorer = LiveScorer(clip.fs, predictor, args.hop_seconds)
    for block in clip:
        yield from scorer.push(block)
    yield from scorer.finish()


def run(args: argparse.Namespace) -> int:
    """Print a line for each window as it is scored."""
    if args.raw_fs is not None and args.file != "-":
        raise ValueError("--raw_fs is for standard input: give '-'")
    predictor = load_predictor(args)
    scores = []
    columns = ("start", "end", "mean", "std", *score_columns(predictor.scores[1:]))
    print(",".join(columns), flush=True)
    for score in (
        _live(predictor, args) if args.file == "-" else _of_file(predictor, args)
    ):
        if args.plot is not None:
            scores.append(score)
        values = [score.mean, score.std, *itertools.chain(*score.scores.values())]
        place = f"{score.start:.3f},{score.end:.3f}"
        print(",".join([place, *(f"{value:.4f}" for value in values)]), flush=True)
    if args.plot is not None:
        from espnet_samos.inference.plots import score_track

        figure = score_track(scores, Path(args.file).name, predictor.label_note)
        args.plot.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(args.plot)
    if predictor.label_note:
        print(f"samos: note: {predictor.label_note}", file=sys.stderr)
    return 0
