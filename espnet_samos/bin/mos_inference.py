#!/usr/bin/env python3
"""Score the clips of a wav.scp with a trained MOS predictor."""

import argparse
import logging
import sys
from pathlib import Path
from typing import Dict, List

from espnet2.legacy.utils.cli_utils import get_commandline_args
from espnet2.utils import config_argparse

from espnet_samos.audio.windows import WINDOWS
from espnet_samos.inference.clip_list import list_clips
from espnet_samos.inference.predictor import MosPredictor
from espnet_samos.inference.result import score_columns
from espnet_samos.utils.files import explain_full_disk, write_text

LOG_INTERVAL = 100  # clips


def get_parser():
    """Return the inference argument parser."""
    parser = config_argparse.ArgumentParser(
        description="Score clips with a trained MOS predictor, as 'samos score' does",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--log_level",
        type=lambda x: x.upper(),
        default="INFO",
        choices=("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG", "NOTSET"),
        help="The verbose level of logging",
    )
    parser.add_argument(
        "--output_dir",
        type=Path,
        required=True,
        help="Gets mos (predicted means), mos_std (predicted standard deviations) and, "
        "of further scores, mos_<name> and mos_<name>_std",
    )
    parser.add_argument(
        "--ngpu", type=int, default=0, help="The number of gpus. 0 indicates CPU mode"
    )
    parser.add_argument(
        "--num_workers", type=int, default=1, help="Threads that read and resample"
    )
    parser.add_argument(
        "--batch_size", type=int, default=8, help="The batch size for inference"
    )
    parser.add_argument(
        "--windows",
        choices=WINDOWS,
        default="all",
        help="Which windows of a long clip are scored",
    )
    parser.add_argument("--wav_scp", required=True, help="The clips")
    parser.add_argument("--train_config", type=str, help="Training configuration file")
    parser.add_argument(
        "--model_file", type=str, required=True, help="Model parameter file"
    )
    return parser


@explain_full_disk
def main(cmd=None):
    """Score the clips of a list."""
    print(get_commandline_args(), file=sys.stderr)
    args = get_parser().parse_args(cmd)
    logging.basicConfig(
        level=args.log_level,
        format="%(asctime)s (%(module)s:%(lineno)d) %(levelname)s: %(message)s",
    )
    try:
        predictor = MosPredictor(
            args.model_file,
            args.train_config,
            device="cuda" if args.ngpu > 0 else "cpu",
            windows=args.windows,
            trust=True,  # of one's own training
        )
        clips = list_clips([args.wav_scp])
    except (FileNotFoundError, ValueError) as e:
        sys.exit(f"error: {e}")
    files = ("mos", "mos_std", *score_columns(predictor.scores[1:]))
    tables: Dict[str, List[str]] = {file: [] for file in files}
    errors = []
    for count, result in enumerate(
        predictor.predict_clips(clips, args.batch_size, args.num_workers), 1
    ):
        if result.error is not None:
            errors.append(f"{result.name}: {result.error}")
        row = dict(result.as_dict(), mos=result.mean, mos_std=result.std)
        for file, lines in tables.items():
            lines.append(f"{result.name} {row[file]:.6f}\n")
        if count % LOG_INTERVAL == 0 or count == len(clips):
            logging.info(f"{count} of {len(clips)} utterances scored")
    if errors:
        sys.exit(
            "\n  ".join(
                [
                    f"error: {len(errors)} of {len(clips)} clips cannot be scored:",
                    *errors,
                ]
            )
            + "\nLeave them out of the set, and run the recipe again from stage 2"
        )
    args.output_dir.mkdir(parents=True, exist_ok=True)
    for file, lines in tables.items():
        write_text(args.output_dir / file, "".join(lines))


if __name__ == "__main__":
    main()
