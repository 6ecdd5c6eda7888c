"""The command `samos demo`."""

import argparse
from pathlib import Path

from espnet_samos.bin.samos.model_options import add_model_options, load_predictor
from espnet_samos.utils.extras import need

DESCRIPTION = (
    "Serve a page that scores a file or a recording. It shows the score with its "
    "interval, warnings, the spectrogram and the score over time. It is "
    "served to this machine only, and nothing is sent elsewhere, unless --host or "
    "--share say so. With --static, write a page that needs no server to compute."
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
    parser.add_argument(
        "--static",
        type=Path,
        metavar="DIR",
        help="write a page that scores in the browser into this folder, for any web "
        "server, instead of serving one",
    )
    add_model_options(parser)


def run(args: argparse.Namespace) -> int:
    """Serve the page until it is interrupted, or write one."""
    if args.static is not None:
        return _write(args)
    need("gradio")
    predictor = load_predictor(args)
    from espnet_samos.integrations.gradio import make_page, serve

    page = make_page(predictor, args.batch_size, args.num_workers)
    serve(page, args.host, args.port, args.share)
    return 0


def _write(args: argparse.Namespace) -> int:
    """Write the page that scores in the browser."""
    from espnet_samos.integrations.static_page import write_page

    files = write_page(load_predictor(args), args.static)
    megabytes = sum(file.stat().st_size for file in files) / 1e6
    print(f"samos: {len(files)} files, {megabytes:.1f} MB, in {args.static}")
    print(f"samos: to try it: python3 -m http.server --directory {args.static}")
    return 0
