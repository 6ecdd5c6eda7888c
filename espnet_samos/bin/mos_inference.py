#!/usr/bin/env python3
"""Score clips with a trained MOS predictor."""

import argparse
import logging
import sys
from typing import Optional, Sequence, Tuple

from espnet2.fileio.datadir_writer import DatadirWriter
from espnet2.legacy.utils.cli_utils import get_commandline_args
from espnet2.torch_utils.set_all_random_seed import set_all_random_seed
from espnet2.utils import config_argparse
from espnet2.utils.types import str2triple_str, str_or_none

from espnet_samos.predictor import MosPredictor
from espnet_samos.tasks.mos import MosTask
from espnet_samos.utils import explain_full_disk


def inference(
    output_dir: str,
    batch_size: int,
    ngpu: int,
    seed: int,
    num_workers: int,
    log_level: str,
    data_path_and_name_and_type: Sequence[Tuple[str, str, str]],
    key_file: Optional[str],
    train_config: Optional[str],
    model_file: str,
) -> None:
    """Score every clip of a data directory.

    Writes `mos` (predicted means) and `mos_std` (predicted standard deviations)
    to `output_dir`, a line an utterance.
    """
    logging.basicConfig(
        level=log_level,
        format="%(asctime)s (%(module)s:%(lineno)d) %(levelname)s: %(message)s",
    )
    set_all_random_seed(seed)
    try:
        predictor = MosPredictor(
            model_file, train_config, device="cuda" if ngpu > 0 else "cpu"
        )
    except (FileNotFoundError, ValueError) as e:
        sys.exit(f"error: {e}")
    loader = MosTask.build_streaming_iterator(
        data_path_and_name_and_type,
        dtype="float32",
        batch_size=batch_size,
        num_workers=num_workers,
        key_file=key_file,
        preprocess_fn=predictor.preprocess,
        collate_fn=MosTask.build_collate_fn(predictor.train_args, train=False),
        ngpu=ngpu,
        inference=True,
    )
    count = 0
    with DatadirWriter(output_dir) as writer:
        for keys, batch in loader:
            for key, mean, std in zip(
                keys, *predictor.predict_batch(batch), strict=True
            ):
                writer["mos"][key] = f"{mean:.6f}"
                writer["mos_std"][key] = f"{std:.6f}"
            count += len(keys)
            logging.info(f"{count} utterances scored")


def get_parser():
    """Return the inference argument parser."""
    parser = config_argparse.ArgumentParser(
        description="Score clips with a trained MOS predictor",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--log_level",
        type=lambda x: x.upper(),
        default="INFO",
        choices=("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG", "NOTSET"),
        help="The verbose level of logging",
    )
    parser.add_argument("--output_dir", type=str, required=True)
    parser.add_argument(
        "--ngpu", type=int, default=0, help="The number of gpus. 0 indicates CPU mode"
    )
    parser.add_argument("--seed", type=int, default=0, help="Random seed")
    parser.add_argument(
        "--num_workers",
        type=int,
        default=1,
        help="The number of workers used for DataLoader",
    )
    parser.add_argument(
        "--batch_size", type=int, default=1, help="The batch size for inference"
    )

    group = parser.add_argument_group("Input data related")
    group.add_argument(
        "--data_path_and_name_and_type",
        type=str2triple_str,
        required=True,
        action="append",
        help="e.g. wav.scp,speech,sound and utt2fs,fs,text_int",
    )
    group.add_argument("--key_file", type=str_or_none)

    group = parser.add_argument_group("The model configuration related")
    group.add_argument("--train_config", type=str, help="Training configuration file")
    group.add_argument(
        "--model_file", type=str, required=True, help="Model parameter file"
    )
    return parser


@explain_full_disk
def main(cmd=None):
    """Score the clips of a data directory."""
    print(get_commandline_args(), file=sys.stderr)
    kwargs = vars(get_parser().parse_args(cmd))
    kwargs.pop("config", None)
    inference(**kwargs)


if __name__ == "__main__":
    main()
