#!/usr/bin/env python3
"""Train a MOS predictor."""

from espnet_samos.tasks.mos import MosTask


def get_parser():
    """Return the training argument parser."""
    parser = MosTask.get_parser()
    parser.description = "Train a MOS predictor"
    return parser


def main(cmd=None):
    """Train a MOS predictor.

    Example:

        % python -m espnet_samos.bin.mos_train --print_config
        % python -m espnet_samos.bin.mos_train --config conf/paper/pretrain.yaml
    """
    MosTask.main(cmd=cmd)


if __name__ == "__main__":
    main()
