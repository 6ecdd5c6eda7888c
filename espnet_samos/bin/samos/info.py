"""The command `samos info`."""

import argparse
import sys

from espnet_samos.bin.samos.model_options import add_model_options, load_predictor

DESCRIPTION = (
    "Describe a model: its parts, its size, its labels and its results. And the "
    "versions and devices that it would run on."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_model_options(parser, windows=False)


def run(args: argparse.Namespace) -> int:
    """Print what is known of the model."""
    predictor = load_predictor(args)
    import espnet2
    import torch

    from espnet_samos import __version__
    from espnet_samos.mos.device import available_devices
    from espnet_samos.mos.slots import SLOTS

    card = predictor.card
    facts = {
        "model": args.model,
        "description": card.get("description", "unknown"),
        "labels": card.get("label_note", "unknown"),
        "window": f"{predictor.window_seconds:g} s",
    }
    for slot in (choices.name for choices in SLOTS):
        conf = getattr(predictor.torch_engine.train_args, f"{slot}_conf")
        name = getattr(predictor.torch_engine.train_args, slot)
        facts[slot] = f"{name} {conf or ''}" if name else "none"
    facts["parameters"] = f"{sum(p.numel() for p in predictor.model.parameters()):,}"
    for dset, results in card.get("results", {}).items():
        facts[f"results on {dset}"] = "\n".join(
            f"{group}: " + ", ".join(f"{k} {v}" for k, v in values.items())
            for group, values in results.items()
        )
    facts["versions"] = (
        f"espnet_samos {__version__}, espnet {espnet2.__version__}, "
        f"torch {torch.__version__}, python {sys.version.split()[0]}"
    )
    facts["devices"] = ", ".join(available_devices())
    width = max(map(len, facts))
    for key, value in facts.items():
        print(f"{key:{width}}  " + value.replace("\n", "\n" + " " * (width + 2)))
    return 0
