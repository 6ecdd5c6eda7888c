#!/usr/bin/env python3
"""Compute the features of a frozen SSL frontend and write them to disk."""

import argparse
import logging
import sys
from pathlib import Path

from espnet2.legacy.utils.cli_utils import get_commandline_args
from espnet2.utils import config_argparse
from espnet2.utils.nested_dict_action import NestedDictAction

from espnet_samos.audio.preprocessor import MosPreprocessor
from espnet_samos.bin.errors import exit_on
from espnet_samos.mos.slots import ssl_frontend_choices
from espnet_samos.train.dump_ssl_feats import dump_ssl_feats, ssl_settings
from espnet_samos.train.ssl_feats import find_shards


def get_parser():
    """Return the argument parser."""
    parser = config_argparse.ArgumentParser(
        description="Compute the features of a frozen SSL frontend and write them to "
        "disk: one job of several. What is there already is verified and kept",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--data_dirs", nargs="+", required=True, help="With wav.scp and utt2fs"
    )
    parser.add_argument(
        "--output_dirs", nargs="+", required=True, help="One for each data directory"
    )
    parser.add_argument("--job", type=int, default=1, help="Which job this is: 1, ...")
    parser.add_argument("--num_jobs", type=int, default=1, help="How many there are")
    parser.add_argument(
        "--ngpu", type=int, default=0, help="The number of gpus. 0 indicates CPU mode"
    )
    parser.add_argument(
        "--batch_size", type=int, default=8, help="Windows that are computed at a time"
    )
    parser.add_argument(
        "--num_workers",
        type=int,
        default=1,
        help="The number of workers used for DataLoader",
    )

    group = parser.add_argument_group("The model configuration related")
    ssl_frontend_choices.add_arguments(group)
    group.add_argument(
        "--preprocessor_conf",
        action=NestedDictAction,
        default=dict(),
        help="The keyword arguments for MosPreprocessor",
    )
    return parser


@exit_on(ValueError)
def main(cmd=None):
    """Compute SSL features."""
    print(get_commandline_args(), file=sys.stderr)
    parser = get_parser()
    args = parser.parse_args(cmd)
    logging.basicConfig(
        level="INFO",
        format="%(asctime)s (%(module)s:%(lineno)d) %(levelname)s: %(message)s",
    )
    if args.ssl_frontend is None:
        parser.error("ssl_frontend is none: there is nothing to compute")
    preprocessor = MosPreprocessor(
        train=False, use_spectrogram=False, **args.preprocessor_conf
    )
    frontend_class = ssl_frontend_choices.get_class(args.ssl_frontend)
    shards = [
        shard
        for pair in zip(args.data_dirs, args.output_dirs, strict=True)
        for shard in find_shards(*map(Path, pair))
    ]
    dump_ssl_feats(
        shards[args.job - 1 :: args.num_jobs],
        preprocessor,
        ssl_settings(args.ssl_frontend, args.ssl_frontend_conf, preprocessor),
        lambda: frontend_class(**args.ssl_frontend_conf),
        device="cuda" if args.ngpu > 0 else "cpu",
        batch_size=args.batch_size,
        num_workers=args.num_workers,
    )


if __name__ == "__main__":
    main()
