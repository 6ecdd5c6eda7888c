#!/usr/bin/env python3
"""Distill a light SSL frontend."""

from espnet_samos.tasks.distillation import DistillationTask


def get_parser():
    """Return the training argument parser."""
    parser = DistillationTask.get_parser()
    parser.description = "Distill a light SSL frontend from Distill-MOS"
    return parser


def main(cmd=None):
    """Distill a light SSL frontend.

    Example:

        % python -m espnet_samos.bin.ssl_distill --print_config
    """
    DistillationTask.main(cmd=cmd)


if __name__ == "__main__":
    main()
