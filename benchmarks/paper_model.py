"""The published model on top of a checkpoint with random weights.

Built without ESPnet's task, which imports what a machine with a GPU may not have.
"""

import argparse
from pathlib import Path
from typing import Any, Dict

import torch

from benchmarks.harness import noise
from espnet_samos.mos.build import build_model
from espnet_samos.mos.espnet_model import ESPnetMosModel
from espnet_samos.utils.config import merge_files

PAPER = Path(__file__).parents[1] / "conf" / "paper"
CONFIGS = [str(PAPER / f"{name}.yaml") for name in ("model", "train", "pretrain")]
SECONDS = 10


def configuration(checkpoint: Path) -> Dict[str, Any]:
    """Return the configuration of the published training, with another checkpoint.

    Args:
        checkpoint: What `benchmarks.checkpoint` makes.
    """
    config = merge_files(CONFIGS)
    config["ssl_frontend_conf"]["frontend_conf"] = dict(
        upstream="wav2vec2_local", path_or_url=str(checkpoint)
    )
    return config


def build(checkpoint: Path) -> ESPnetMosModel:
    """Build the published model with random weights.

    Args:
        checkpoint: What `benchmarks.checkpoint` makes.
    """
    config = configuration(checkpoint)
    model = build_model(argparse.Namespace(init=None, model_conf={}, **config))
    for module in model.modules():
        # statistics that do something
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return model


def make_batch(batch_size: int, device: str = "cpu") -> Dict[str, torch.Tensor]:
    """Make windows of noise, other ones every time."""
    batch = {}
    for name, fs in (("speech_16k", 16000), ("speech_48k", 48000)):
        batch[name] = noise(batch_size, SECONDS * fs)
        batch[f"{name}_lengths"] = torch.full((batch_size,), SECONDS * fs)
    return {name: value.to(device) for name, value in batch.items()}
