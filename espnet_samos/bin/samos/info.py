"""The command `samos info`."""

import argparse
import sys
from importlib.metadata import version
from importlib.util import find_spec

from espnet_samos import __version__
from espnet_samos.bin.samos.model_options import add_model_options, load_predictor
from espnet_samos.utils.config import read_config

# of a model, as `espnet_samos.mos.slots` has them
SLOTS = (
    "ssl_frontend",
    "ssl_encoder",
    "spectrogram_frontend",
    "spectrogram_encoder",
    "head",
)
PACKAGES = ("onnxruntime", "espnet", "torch")

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
    card = predictor.card
    config = read_config(predictor.files.train_config)
    facts = {
        "model": args.model,
        "description": card.get("description", "unknown"),
        "labels": card.get("label_note", "unknown"),
        "window": f"{predictor.window_seconds:g} s",
        "engine": predictor.engine.name,
    }
    for slot in SLOTS:
        name, conf = config.get(slot), config.get(f"{slot}_conf")
        facts[slot] = f"{name} {conf or ''}" if name else "none"
    for dset, results in card.get("results", {}).items():
        facts[f"results on {dset}"] = "\n".join(
            f"{group}: " + ", ".join(f"{k} {v}" for k, v in values.items())
            for group, values in results.items()
        )
    versions = [f"espnet_samos {__version__}"]
    versions += [f"{name} {version(name)}" for name in PACKAGES if find_spec(name)]
    versions.append(f"python {sys.version.split()[0]}")
    facts["versions"] = ", ".join(versions)
    if find_spec("espnet2"):  # and with it PyTorch
        from espnet_samos.mos.device import available_devices

        parameters = sum(p.numel() for p in predictor.torch_engine.model.parameters())
        facts["parameters"] = f"{parameters:,}"
        facts["devices"] = ", ".join(available_devices())
    width = max(map(len, facts))
    for key, value in facts.items():
        print(f"{key:{width}}  " + value.replace("\n", "\n" + " " * (width + 2)))
    return 0
