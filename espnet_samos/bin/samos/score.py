"""The command `samos score`."""

import argparse
import sys

from espnet_samos.bin.samos.model_options import add_model_options, load_predictor
from espnet_samos.inference.clip_list import list_clips
from espnet_samos.inference.output_formats import FORMATS

DESCRIPTION = (
    "Score audio files of any rate and length. Gives each file's predicted mean "
    "opinion score, the predicted standard deviation of the label, the interval that "
    "has it with a probability of 95 %, and warnings. A file that cannot be "
    "scored is reported, and the rest is scored: exit status 1."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="FILE|FOLDER|wav.scp|sheet.csv|-",
        help="audio files; folders of them; Kaldi's lists; the files of SHEET's "
        "benchmark; '-' for a list on standard input, one file per line",
    )
    parser.add_argument(
        "--recursive", action="store_true", help="look into the folders of folders"
    )
    parser.add_argument(
        "--format",
        choices=list(FORMATS),
        default="table",
        help="table; csv, also with the failed files; json, one object per line; "
        "kaldi, '<name> <mean>'; sheet, a table for SHEET (default: %(default)s)",
    )
    add_model_options(parser)


def run(args: argparse.Namespace) -> int:
    """Print a line for each clip; return 1 if some could not be scored."""
    clips = list_clips(args.inputs, args.recursive)
    predictor = load_predictor(args)
    head, line, with_failed = FORMATS[args.format]
    if head:
        print(head)
    num_failed = 0
    for result in predictor.predict_clips(
        clips,
        batch_size=args.batch_size,
        num_workers=args.num_workers,
        # a bar between the lines of a terminal is in the way
        progress=sys.stderr.isatty() and not sys.stdout.isatty(),
    ):
        if result.error is not None:
            num_failed += 1
            print(f"samos: error: {result.error}", file=sys.stderr)
        if result.error is None or with_failed:
            print(line(result), flush=True)
    if num_failed:
        print(f"samos: {num_failed} of {len(clips)} not scored", file=sys.stderr)
    if predictor.label_note:
        print(f"samos: note: {predictor.label_note}", file=sys.stderr)
    return 1 if num_failed else 0
