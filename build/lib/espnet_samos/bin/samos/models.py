"""The command `samos models`."""

import argparse

from espnet_samos.model_zoo.find import DEFAULT_MODEL, packaged_models

DESCRIPTION = (
    "List the models that come with this package. Others are used by their folder, "
    "their archive or their tag: 'samos score --model'."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command: there are none."""


def run(args: argparse.Namespace) -> int:
    """Print a paragraph for each model."""
    for name, model in packaged_models().items():
        card = model.card()
        default = " (default)" if name == DEFAULT_MODEL else ""
        print(f"{name}{default}: {card.get('description', '')}")
        print(f"    {card.get('label_note', '')}")
        print(f"    {model.model_file.stat().st_size / 1e6:.1f} MB, {model.model_file}")
    return 0
