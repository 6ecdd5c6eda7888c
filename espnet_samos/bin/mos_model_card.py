"""Write the model card of an experiment: README.md and card.yaml."""

import argparse
from pathlib import Path
from typing import List, Optional

from espnet_samos.bin.errors import exit_on
from espnet_samos.model_zoo.card import write_model_card


def get_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        description="Write what a trained model is and how it did, from its "
        "config.yaml and <inference_tag>/<set>/scores.json: README.md for people, "
        "card.yaml for programs.",
    )
    parser.add_argument("--exp_dir", required=True, help="experiment directory")
    parser.add_argument("--output_dir", help="where to write (default: exp_dir)")
    parser.add_argument(
        "--inference_tag",
        default="inference_valid.lcc.best",
        help="the results to show",
    )
    parser.add_argument("--name", default="", help="name of the model")
    parser.add_argument("--description", default="", help="one line on the model")
    parser.add_argument(
        "--about",
        default="",
        help="Markdown file on what only people know: conf/about.md, filled in",
    )
    parser.add_argument("--command", default="", help="what made the model")
    return parser


@exit_on(OSError, ValueError)
def main(cmd: Optional[List[str]] = None) -> None:
    """Run the command line `cmd`, or that of the process."""
    args = vars(get_parser().parse_args(cmd))
    if args["about"]:
        args["about"] = Path(args["about"]).read_text(encoding="utf-8")
    write_model_card(**args)


if __name__ == "__main__":
    main()
