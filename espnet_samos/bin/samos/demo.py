"""The command `samos demo`."""

import argparse
import importlib.util

from espnet_samos.bin.samos.model_options import add_model_options, load_predictor

DESCRIPTION = (
    "Serve a page that scores a file or a recording. It shows the score with its "
    "interval, warnings, the spectrogram and the score over time. It is "
    "served to this machine only, and nothing is sent elsewhere, unless --host or "
    "--share say so."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        *("--host", "--server_name"),
        default="127.0.0.1",
        help="the address to listen at; 0.0.0.0 for all of this machine's "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--port", type=int, help="(default: the first free one from 7860 on)"
    )
    parser.add_argument(
        "--share",
        action="store_true",
        help="give the page a public address through Gradio's servers: whoever knows "
        "it can use the page, and what they upload passes through there",
    )
    add_model_options(parser)


def run(args: argparse.Namespace) -> int:
    """Serve the page until it is interrupted."""
    if importlib.util.find_spec("gradio") is None:
        raise ImportError(
            "samos demo needs Gradio: pip install gradio, or this package with [demo]"
        )
    predictor = load_predictor(args)
    from espnet_samos.integrations.gradio import make_page, serve

    page = make_page(predictor, args.batch_size, args.num_workers)
    serve(page, args.host, args.port, args.share)
    return 0
