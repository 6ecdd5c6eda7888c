#!/usr/bin/env python3
"""Train a model to compare clips."""

from espnet_samos.tasks.pairs import PairTask


def get_parser():
    """Return the training argument parser."""
    parser = PairTask.get_parser()
    parser.description = "Train the comparison head of a model on pairs of clips"
    return parser


def main(cmd=None):
    """Train a model to compare clips.

    Example:

        % python -m espnet_samos.bin.mos_train_pairs --print_config
    """
    PairTask.main(cmd=cmd)


if __name__ == "__main__":
    main()
