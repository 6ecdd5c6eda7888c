"""Store a model's weights in half the space, for a package."""

import argparse
from typing import List, Optional

from espnet_samos.bin.errors import exit_on
from espnet_samos.model_zoo.half_precision import store_in_half


def get_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        description="Write the weights of a model with its matrices rounded to float16."
    )
    parser.add_argument("model_file", help="the weights")
    parser.add_argument("output_file", help="where to write them")
    return parser


@exit_on(OSError, ValueError)
def main(cmd: Optional[List[str]] = None) -> None:
    """Run the command line `cmd`, or that of the process."""
    args = get_parser().parse_args(cmd)
    store_in_half(args.model_file, args.output_file)


if __name__ == "__main__":
    main()
