"""The command `samos score`."""

import argparse
import sys
from pathlib import Path

from espnet_samos.bin.samos.model_options import add_model_options, load_predictor
from espnet_samos.inference.clip_list import list_clips
from espnet_samos.inference.output_formats import FORMATS
from espnet_samos.inference.score_file import ScoreFile, shard

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
    parser.add_argument(
        "--output", type=Path, help="file of the scores (default: standard output)"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with --output where a run was stopped; csv and json only",
    )
    parser.add_argument(
        "--shard",
        metavar="N/COUNT",
        help="score one part of the clips, as a job of an array: 3/16",
    )
    add_model_options(parser)


def run(args: argparse.Namespace) -> int:
    """Write a line for each clip; return 1 if some could not be scored."""
    clips = list_clips(args.inputs, args.recursive)
    if args.shard is not None:
        clips = shard(clips, args.shard)
    if args.output is None and args.resume:
        raise ValueError("--resume needs --output")
    predictor = load_predictor(args)
    further = predictor.scores[1:]
    if args.output is None:
        head, line, with_failed = FORMATS[args.format]
        if first := head(further):
            print(first)
    else:
        names = [name for name, _ in clips]
        output = ScoreFile(args.output, args.format, names, args.resume, further)
        clips = clips[output.num_done :]
        if output.num_done:
            print(f"samos: {output.num_done} are scored already", file=sys.stderr)
    num_failed = 0
    for result in predictor.predict_clips(
        clips,
        batch_size=args.batch_size,
        num_workers=args.num_workers,
        # a bar between the lines of a terminal is in the way
        progress=sys.stderr.isatty() and (args.output or not sys.stdout.isatty()),
    ):
        if result.error is not None:
            num_failed += 1
            print(f"samos: error: {result.error}", file=sys.stderr)
        if args.output is not None:
            output.write(result)
        elif result.error is None or with_failed:
            print(line(result), flush=True)
    if num_failed:
        print(f"samos: {num_failed} of {len(clips)} not scored", file=sys.stderr)
    if predictor.label_note:
        print(f"samos: note: {predictor.label_note}", file=sys.stderr)
    return 1 if num_failed else 0
