#!/usr/bin/env python3
"""The command `samos`."""

import argparse
import sys
from pathlib import Path

from espnet_samos import __version__
from espnet_samos.bin import mos_prepare
from espnet_samos.corpora import CORPORA
from espnet_samos.corpora.clip import DataError

DEFAULT_CHECKPOINT = "valid.lcc.best.pth"
# in a clone of the repository; an installed package has no conf/ beside it
PUBLISHED_CONFIG = Path(__file__).parents[2] / "conf/paper/model.yaml"


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


def import_model(args: argparse.Namespace) -> int:
    """Turn the published checkpoint into a model; return 1 if it does not fit."""
    from espnet_samos.published import import_published

    try:
        name, packed = import_published(
            args.checkpoint, args.train_config, args.output_dir, DEFAULT_CHECKPOINT
        )
    except (OSError, ValueError) as e:
        print(f"samos: error: {e}", file=sys.stderr)
        return 1
    print(f"{name}: {args.output_dir} (packed: {packed})")
    return 0


def prepare(args: argparse.Namespace) -> int:
    """Write a corpus' data directories; return 1 if it cannot be used."""
    options = dict(vars(args))
    for name in ("command", "function", "corpus", "source", "output_dir"):
        del options[name]
    options["table" if args.corpus == "csv" else "corpus_dir"] = args.source
    try:
        mos_prepare.prepare(args.corpus, Path(args.output_dir), options)
    except (argparse.ArgumentError, DataError, OSError) as e:
        print(f"samos: error: {e}", file=sys.stderr)
        return 1
    return 0


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

    command = commands.add_parser(
        "import",
        help="make the published checkpoint a model that can be scored with",
        description="Take the weights from the published TorchScript archive, or from "
        "a state dict with its names, into a directory that 'samos score --model' "
        "takes. Nothing in the checkpoint is run. SSL-Layer-MOS is recognised by its "
        "weights.",
    )
    command.add_argument("checkpoint", help="TorchScript archive or state dict")
    command.add_argument(
        "--output_dir", required=True, help="the model's directory, without one in it"
    )
    command.add_argument(
        "--train_config",
        nargs="+",
        required=not PUBLISHED_CONFIG.is_file(),
        default=[str(PUBLISHED_CONFIG)],
        help="YAML files that describe the model, a later one over an earlier "
        "(default: conf/paper/model.yaml of the repository)",
    )
    command.set_defaults(function=import_model)

    command = commands.add_parser(
        "prepare",
        help="check a corpus and make Kaldi data directories of it",
        description="Read a corpus as it was published, or a table of your own, check "
        "it, and write one data directory a set, with a histogram of its labels.",
    )
    command.add_argument("corpus", choices=list(CORPORA))
    command.add_argument("source", help="the corpus' folder; csv: the table")
    mos_prepare.add_options(command)
    command.set_defaults(function=prepare)
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
