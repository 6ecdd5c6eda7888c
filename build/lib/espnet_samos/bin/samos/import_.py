"""The command `samos import`."""

import argparse

from espnet_samos.model_zoo.find import MODEL_FILE, PUBLISHED_CONFIG

DESCRIPTION = (
    "Convert the published checkpoint to a model of this package. Takes the weights "
    "from the published TorchScript archive, or from a state dict with its names, into "
    "a directory that 'samos score --model' takes. Nothing in the checkpoint is run. "
    "SSL-Layer-MOS is recognised by its weights."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("checkpoint", help="TorchScript archive or state dict")
    parser.add_argument(
        "--output_dir", required=True, help="the model's directory, which has none yet"
    )
    parser.add_argument(
        "--train_config",
        nargs="+",
        default=[str(PUBLISHED_CONFIG)],
        help="YAML files that describe the model, a later one over an earlier "
        "(default: that of the paper, which comes with this package)",
    )


def run(args: argparse.Namespace) -> int:
    """Convert the published checkpoint to a model."""
    from espnet_samos.model_zoo.published import import_published

    name, packed = import_published(
        args.checkpoint, args.train_config, args.output_dir, MODEL_FILE
    )
    print(f"{name}: {args.output_dir} (packed: {packed})")
    return 0
