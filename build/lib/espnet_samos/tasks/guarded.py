"""What all tasks of this package have in common."""

import argparse
import contextlib

from espnet2.tasks.abs_task import AbsTask, scheduler_classes
from espnet2.train.distributed_utils import get_rank

from espnet_samos.train.checkpoint import restore
from espnet_samos.train.errors import explained, locked
from espnet_samos.train.trainer import ExponentialStepLR

scheduler_classes["exponentialsteplr"] = ExponentialStepLR


class GuardedTask(AbsTask):
    """A task whose trainings lock their directory, and explain errors."""

    @classmethod
    def main_worker(cls, args: argparse.Namespace) -> None:
        """Train, or collect statistics, in a directory that no other run uses.

        Raises:
            SystemExit: An error, with a hint what to do: see `train.errors`.
        """
        rank = get_rank(args.dist_rank, args.dist_launcher) if args.distributed else 0
        lock = locked(args.output_dir) if rank == 0 else contextlib.nullcontext()
        with explained(args.output_dir), lock:
            if rank == 0 and args.resume:
                restore(args.output_dir, args.best_model_criterion)
            super().main_worker(args)
