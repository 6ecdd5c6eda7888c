"""The command `samos`."""

import argparse
import sys

from espnet_samos import __version__
from espnet_samos.bin.samos import (
    compare,
    demo,
    evaluate,
    export,
    import_,
    info,
    models,
    prepare,
    score,
    track,
)
from espnet_samos.utils.extras import remedy

# Each has DESCRIPTION, add_arguments(parser), and run(args) -> exit status.
COMMANDS = {
    "score": score,
    "track": track,
    "compare": compare,
    "evaluate": evaluate,
    "demo": demo,
    "models": models,
    "info": info,
    "export": export,
    "import": import_,
    "prepare": prepare,
}


def get_parser():
    """Return the argument parser."""
    parser = argparse.ArgumentParser(
        prog="samos",
        description="Predict the quality (MOS) of speech at any sampling rate",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, module in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=module.DESCRIPTION.split(".")[0],
            description=module.DESCRIPTION,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def main(cmd=None):
    """Run the command `samos`.

    Exit status: 0 when all is well, 1 when something could not be done, such as a file
    that could not be scored, 2 when the command line is wrong.
    """
    args = get_parser().parse_args(cmd)
    try:
        status = args.run(args)
    except BrokenPipeError:
        # the reader of the output, like `head`, has seen enough
        sys.stderr.close()
        status = 1
    except ImportError as e:
        print(f"samos: error: {remedy(e)}", file=sys.stderr)
        status = 1
    except (OSError, ValueError, MemoryError) as e:
        print(f"samos: error: {e}", file=sys.stderr)
        status = 1
    sys.exit(status)
