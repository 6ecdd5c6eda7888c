"""Building a model from its configuration, and loading a trained one.

Apart from the task, which is for training: to use a model takes a fraction of what
ESPnet's tasks import.
"""

import argparse
import logging
import pickle
from pathlib import Path
from typing import Any, Dict, Tuple, Union

import torch
import yaml
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.torch_utils.initialize import initialize

from espnet_samos.audio.preprocessor import (
    SPECTROGRAM_RATE,
    SSL_RATE,
    CorpusPreprocessor,
)
from espnet_samos.mos.abs_clip_encoder import AbsClipEncoder
from espnet_samos.mos.espnet_model import ESPnetMosModel
from espnet_samos.mos.slots import (
    head_choices,
    spectrogram_encoder_choices,
    spectrogram_frontend_choices,
    ssl_encoder_choices,
    ssl_frontend_choices,
)


def uses_branch(args: argparse.Namespace, branch: str) -> bool:
    """Return whether a branch (`ssl`, `spectrogram`) is part of the model.

    Raises:
        ValueError: It has a frontend but no encoder, or the other way round.
    """
    slots = [getattr(args, f"{branch}_{part}") for part in ("frontend", "encoder")]
    if (slots[0] is None) != (slots[1] is None):
        raise ValueError(
            f"{branch}_frontend is {slots[0]} and {branch}_encoder is {slots[1]}: "
            f"set both to none to leave the {branch} branch out"
        )
    return slots[0] is not None


def build_preprocessor(args: argparse.Namespace, train: bool) -> CorpusPreprocessor:
    """Build the audio path from a clip to the windows of the model.

    Args:
        args: A configuration, as `config.yaml` of a training has it.
        train: Whether the clips are for training.
    """
    return CorpusPreprocessor(
        corpora=args.head_conf.get("corpora", ()),
        train=train,
        # the encoders are the model's: statistics are collected without them
        use_ssl=args.ssl_frontend is not None,
        use_spectrogram=args.spectrogram_frontend is not None,
        **args.preprocessor_conf,
    )


@torch.no_grad()
def _build_branch(
    frontend: AbsFrontend, encoder_class: type, encoder_conf: dict, num_samples: int
) -> Tuple[AbsFrontend, AbsClipEncoder]:
    """Build an encoder for the features that the frontend gives for one window."""
    frontend.eval()
    window = torch.zeros(1, num_samples)
    feats, _ = frontend(window, torch.tensor([num_samples]))
    # (1, NFrames, Dim)
    _, num_frames, input_size = feats.shape
    encoder = encoder_class(
        input_size=input_size, num_frames=num_frames, **encoder_conf
    )
    return frontend, encoder


def build_model(args: argparse.Namespace) -> ESPnetMosModel:
    """Build a model from its slots, untrained.

    Args:
        args: A configuration, as `config.yaml` of a training has it.

    Raises:
        ValueError: A branch is half there, or there is none.
    """
    window_seconds = build_preprocessor(args, train=False).window_seconds
    branches: Dict[str, Any] = {}
    output_size = 0
    for branch, frontend_slot, encoder_slot, rate in (
        ("ssl", ssl_frontend_choices, ssl_encoder_choices, SSL_RATE),
        (
            "spectrogram",
            spectrogram_frontend_choices,
            spectrogram_encoder_choices,
            SPECTROGRAM_RATE,
        ),
    ):
        frontend = encoder = None
        if uses_branch(args, branch):
            frontend_class = frontend_slot.get_class(getattr(args, frontend_slot.name))
            encoder_class = encoder_slot.get_class(getattr(args, encoder_slot.name))
            # They are None for none only.
            assert frontend_class is not None and encoder_class is not None
            frontend, encoder = _build_branch(
                frontend_class(**getattr(args, f"{frontend_slot.name}_conf")),
                encoder_class,
                getattr(args, f"{encoder_slot.name}_conf"),
                round(window_seconds * rate),
            )
            output_size += encoder.output_size()
        branches[f"{branch}_frontend"] = frontend
        branches[f"{branch}_encoder"] = encoder
    if output_size == 0:
        raise ValueError("both branches are none: nothing is left to train")

    head_class = head_choices.get_class(args.head)
    assert head_class is not None  # the slot is not optional
    head = head_class(input_size=output_size, **args.head_conf)
    model = ESPnetMosModel(**branches, head=head, **args.model_conf)
    if args.init is not None:
        initialize(model, args.init)
        # ESPnet does so for a frontend that is called that.
        if hasattr(model.ssl_frontend, "reload_pretrained_parameters"):
            model.ssl_frontend.reload_pretrained_parameters()
    logging.info(
        "trainable parameters: %d",
        sum(p.numel() for p in model.parameters() if p.requires_grad),
    )
    return model


def load_model(
    train_config: Union[Path, str], model_file: Union[Path, str], device: str = "cpu"
) -> Tuple[ESPnetMosModel, argparse.Namespace]:
    """Load a trained model.

    Weights are loaded as tensors only: nothing in the file is run.

    Args:
        train_config: `config.yaml` of the training.
        model_file: The weights.
        device: `cpu`, `cuda`, `cuda:N` or `mps`.

    Returns:
        The model, and its configuration.

    Raises:
        ValueError: The weights cannot be read, or are of another model.
    """
    config = yaml.safe_load(Path(train_config).read_text(encoding="utf-8"))
    args = argparse.Namespace(**config)
    # What the weights were before training is of no interest.
    model = build_model(argparse.Namespace(**{**config, "init": None}))
    if config.get("use_adapter"):
        from espnet2.layers.create_adapter import create_adapter

        create_adapter(model, args.adapter, args.adapter_conf)
    try:
        weights = torch.load(model_file, map_location="cpu", weights_only=True)
    except (EOFError, RuntimeError, pickle.UnpicklingError) as e:
        raise ValueError(
            f"{Path(model_file).resolve()} cannot be read as a model "
            f"({str(e).splitlines()[0]}). It is cut short, or holds more than weights: "
            "take another epoch's, or train, copy or download it again"
        ) from e
    model.load_state_dict(weights)
    return model.to(device), args
