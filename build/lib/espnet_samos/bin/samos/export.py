"""The command `samos export`."""

import argparse

from espnet_samos.bin.samos.model_options import add_model_options, load_predictor

DESCRIPTION = (
    "Write a model as ONNX graphs. One for each branch and one for the head; their "
    "scores are compared with the model's."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("output_dir", help="where to write the files")
    add_model_options(parser, windows=False)


def run(args: argparse.Namespace) -> int:
    """Write and check the graphs."""
    args.engine = "torch"  # graphs that are there may be damaged, or old
    predictor = load_predictor(args)
    from espnet_samos.integrations.onnx import export_onnx

    for file in export_onnx(predictor, args.output_dir):
        print(file)
    return 0
