"""The options of all commands that score clips."""

import argparse
import contextlib
import io
import logging
import warnings
from typing import TYPE_CHECKING

from espnet_samos.audio.reading import MULTICHANNEL
from espnet_samos.audio.windows import WINDOWS
from espnet_samos.inference.onnx_engine import ENGINES
from espnet_samos.model_zoo.find import DEFAULT_MODEL, find_model

if TYPE_CHECKING:
    from espnet_samos.inference.predictor import MosPredictor


def add_model_options(parser: argparse.ArgumentParser, windows: bool = True) -> None:
    """Add the options that say which model scores, and how.

    Without `--windows`, all windows are scored.
    """
    parser.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        help="a packaged model ('samos models'), an experiment's directory, a .pth "
        "file with its config.yaml beside it, a packed model, or a tag on Hugging Face "
        "like <user>/<model> (default: %(default)s, which comes with this package and "
        "learnt from computed labels; 'samos info' says what they are)",
    )
    parser.add_argument(
        "--trust",
        action="store_true",
        help="take a model whose frontend can run code that comes with it, or download "
        "from anywhere",
    )
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        default="auto",
        help="onnx for ONNX Runtime, which starts at once and needs no PyTorch; torch; "
        "or auto, onnx where a model has graphs, 'samos export' (default: %(default)s)",
    )
    parser.add_argument(
        "--device",
        default="cpu",
        help="cpu, cuda, cuda:N or mps (default: %(default)s)",
    )
    parser.add_argument(
        "--dtype",
        default="float32",
        choices=("float32", "bfloat16"),
        help="of the SSL model; bfloat16 is refused where it changes scores by more "
        "than 0.01 (default: %(default)s)",
    )
    parser.add_argument(
        "--multichannel",
        choices=MULTICHANNEL,
        default="downmix",
        help="files of several channels: their mean, with a warning where channels "
        "differ, or an error (default: %(default)s)",
    )
    if windows:
        parser.add_argument(
            "--windows",
            choices=WINDOWS,
            default="all",
            help="which windows of a long file are scored; first is as published "
            "(default: %(default)s)",
        )
    else:
        parser.set_defaults(windows="all")
    parser.add_argument(
        "--batch_size",
        type=int,
        default=8,
        help="windows that the model takes at a time (default: %(default)s)",
    )
    parser.add_argument(
        "--num_workers",
        type=int,
        default=2,
        help="threads that read and resample files; -1 for all cores (default: "
        "%(default)s)",
    )


def load_predictor(args: argparse.Namespace) -> "MosPredictor":
    """Load the model that the options name."""
    find_model(args.model)  # a mistake shows before torch is imported
    # What torch and ESPnet have to say at import is for their developers.
    warnings.filterwarnings("ignore")
    logging.getLogger().setLevel(logging.ERROR)
    # torch takes seconds to import: not for --help
    with contextlib.redirect_stderr(io.StringIO()):
        from espnet_samos.inference.predictor import MosPredictor

    return MosPredictor.from_pretrained(
        args.model,
        device=args.device,
        dtype=args.dtype,
        multichannel=args.multichannel,
        windows=args.windows,
        trust=args.trust,
        engine=args.engine,
    )
