"""Building a model from its configuration, and loading a trained one.

Apart from the task, which is for training: to use a model takes a fraction of what
ESPnet's tasks import.
"""

import argparse
import logging
from pathlib import Path
from typing import Any, Dict, Mapping, Tuple, Type, TypeVar, Union

import torch
from espnet2.torch_utils.initialize import initialize

from espnet_samos.audio.preprocessor import (
    SPECTROGRAM_RATE,
    SSL_RATE,
    LabelPreprocessor,
)
from espnet_samos.frontend.upstreams.checkpoint import read_checkpoint
from espnet_samos.mos.comparison_head import ComparisonHead
from espnet_samos.mos.espnet_model import ESPnetMosModel
from espnet_samos.mos.slots import (
    SLOTS,
    Slot,
    head_choices,
    spectrogram_encoder_choices,
    spectrogram_frontend_choices,
    ssl_encoder_choices,
    ssl_frontend_choices,
)
from espnet_samos.utils.config import read_config

Model = TypeVar("Model", bound=ESPnetMosModel)

# Frontends that take no code, and nothing from the network, from a configuration
SAFE_FRONTENDS = (
    *(None, "default", "sliding_window", "wav2vec_cnn", "distillmos", "light"),
)


def check_trusted(config: Mapping[str, Any], where: str) -> None:
    """Check that a model from elsewhere can be built without trusting its author.

    Args:
        config: Its configuration.
        where: What messages call it.

    Raises:
        ValueError: Its SSL frontend could run code, or download from anywhere.
    """
    name = config.get("ssl_frontend")
    if name == "ssl_layer":
        from espnet_samos.frontend.ssl_layer import untrusted_part

        part = untrusted_part(config.get("ssl_frontend_conf") or {})
    else:
        part = "" if name in SAFE_FRONTENDS else f"ssl_frontend {name}"
    if part:
        raise ValueError(
            f"{where}: {part} can run code that comes with the model, or download from "
            "anywhere: if you trust its author, use trust=True (--trust)"
        )


def labels_of(args: argparse.Namespace) -> Tuple[str, ...]:
    """Return the names of the labels `mos_<name>` that the chosen head learns."""
    scores = args.head_conf.get("scores", ())
    return head_choices.get_class(args.head).further_labels(scores)


def build_preprocessor(args: argparse.Namespace, train: bool) -> LabelPreprocessor:
    """Build the audio path from a clip to the windows of the model."""
    return LabelPreprocessor(
        corpora=args.head_conf.get("corpora", ()),
        scores=labels_of(args),
        train=train,
        # the encoders are the model's: statistics are collected without them
        use_ssl=args.ssl_frontend is not None,
        use_spectrogram=args.spectrogram_frontend is not None,
        **args.preprocessor_conf,
    )


def _fill(slot: Slot, args: argparse.Namespace, **sizes: int) -> Any:
    """Build what was chosen for a slot."""
    chosen = slot.get_class(getattr(args, slot.name))
    assert chosen is not None  # it is None for none only
    return chosen(**sizes, **getattr(args, f"{slot.name}_conf"))


def build_model(
    args: argparse.Namespace, model_class: Type[Model] = ESPnetMosModel
) -> Model:
    """Build a model from its slots, untrained.

    Args:
        args: A configuration, as `config.yaml` of a training has it.
        model_class: What holds the slots.

    Raises:
        ValueError: A branch is half there, or there is none.
    """
    window_seconds = build_preprocessor(args, train=False).window_seconds
    parts: Dict[str, Any] = {slot.name: None for slot in SLOTS}
    sizes = []
    for frontend_slot, encoder_slot, rate in (
        (ssl_frontend_choices, ssl_encoder_choices, SSL_RATE),
        (spectrogram_frontend_choices, spectrogram_encoder_choices, SPECTROGRAM_RATE),
    ):
        names = [getattr(args, slot.name) for slot in (frontend_slot, encoder_slot)]
        if names == [None, None]:
            sizes.append(0)
            continue
        if None in names:
            branch = frontend_slot.name.removesuffix("_frontend")
            raise ValueError(
                f"{branch}_frontend is {names[0]} and {branch}_encoder is {names[1]}: "
                f"set both to none to leave the {branch} branch out"
            )
        frontend = _fill(frontend_slot, args).eval()
        num_samples = round(window_seconds * rate)
        with torch.no_grad():
            feats, _ = frontend(
                torch.zeros(1, num_samples), torch.tensor([num_samples])
            )
        # (1, NFrames, Dim)
        _, num_frames, input_size = feats.shape
        encoder = _fill(
            encoder_slot, args, input_size=input_size, num_frames=num_frames
        )
        sizes.append(encoder.output_size())
        parts |= {frontend_slot.name: frontend, encoder_slot.name: encoder}
    if sum(sizes) == 0:
        raise ValueError("both branches are none: nothing is left to train")

    of_head = dict(input_size=sum(sizes))
    if head_choices.get_class(args.head).takes_branches:
        of_head["spectrogram_size"] = sizes[1]
    parts["head"] = _fill(head_choices, args, **of_head)
    model = model_class(**parts, **args.model_conf)
    comparison_conf = getattr(args, "comparison_conf", None)
    if comparison_conf is not None:
        model.comparison = ComparisonHead(input_size=sum(sizes), **comparison_conf)
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
    train_config: Union[Path, str],
    model_file: Union[Path, str],
    device: str = "cpu",
    trust: bool = False,
) -> Tuple[ESPnetMosModel, argparse.Namespace]:
    """Load a trained model, and its configuration.

    Weights are loaded as tensors only: nothing in the file is run.

    Args:
        train_config: `config.yaml` of the training.
        model_file: The weights.
        device: Where to.
        trust: Take frontends that run code from their checkpoints or download from
            anywhere, as `check_trusted` names them.

    Raises:
        ValueError: The configuration is not one of this task, or needs `trust`; the
            weights cannot be read, or are of another model.
        FileNotFoundError, ConnectionError: A frontend's checkpoint is missing.
    """
    config = read_config(train_config)
    if not trust:
        check_trusted(config, str(train_config))
    args = argparse.Namespace(**config)
    use_adapter = bool(config.get("use_adapter"))
    try:
        # What the weights were before training is of no interest.
        ssl_conf = {**(config.get("ssl_frontend_conf") or {})}
        ssl_conf.pop("init_file", None)
        model: ESPnetMosModel = build_model(
            argparse.Namespace(
                **{**config, "init": None, "ssl_frontend_conf": ssl_conf}
            )
        )
        if use_adapter:
            from espnet2.layers.create_adapter import create_adapter

            create_adapter(model, args.adapter, args.adapter_conf)
    except (OSError, ImportError):
        raise
    except Exception as e:
        # Whatever a wrong value leads to, far from here.
        raise ValueError(
            f"no model can be built from {train_config} ({type(e).__name__}: {e})"
        ) from e
    weights = read_checkpoint(model_file)
    try:
        model.load_state_dict(weights, strict=not use_adapter)
    except (RuntimeError, TypeError, AttributeError) as e:
        raise ValueError(
            f"{model_file} is not of the model that {train_config} describes: {e}"
        ) from e
    return model.to(device), args
