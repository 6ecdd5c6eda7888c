"""ESPnet's trainer, with correlations over the whole validation set."""

import argparse
import datetime
import logging
import math
from dataclasses import dataclass
from typing import Dict, List, Tuple

import numpy as np
import torch
from espnet2.schedulers.abs_scheduler import AbsBatchStepScheduler
from espnet2.train.distributed_utils import DistributedOption
from espnet2.train.reporter import SubReporter, aggregate
from espnet2.train.trainer import Trainer, TrainerOptions
from espnet2.utils.build_dataclass import build_dataclass

from espnet_samos.evaluation import metrics
from espnet_samos.train.checkpoint import (
    SavedFiles,
    remove_unfinished,
    saved_files,
    set_aside,
)
from espnet_samos.train.errors import TrainingError
from espnet_samos.utils.files import full_disk
from espnet_samos.utils.score_names import MOS, table_name

# What a correlation counts as where it is not defined (say, all predictions are
# equal): NaN would corrupt ESPnet's sorting of epochs.
CORRELATION_FLOOR = -1.0


class ExponentialStepLR(torch.optim.lr_scheduler.ExponentialLR, AbsBatchStepScheduler):
    """Multiply the learning rate by `gamma` after every step, as SA-SSL-MOS does.

    ESPnet's own `exponentiallr` does so after every epoch.
    """


def validation_metrics(scores: Dict[str, Tuple[float, float]]) -> Dict[str, float]:
    """Compute MSE, LCC, SRCC and KTAU of (prediction, label) by utterance.

    Raises:
        TrainingError: A prediction is NaN or infinite.
    """
    predictions, labels = np.array(list(scores.values()), dtype=np.float64).T
    wrong = np.count_nonzero(~np.isfinite(predictions))
    if wrong:
        raise TrainingError(
            f"{wrong} of {len(labels)} predictions are NaN or infinite: the training "
            "has diverged. Take a smaller learning rate (--optim_conf lr=...) or clip "
            "gradients (--grad_clip 1), and train anew, in a directory of its own or "
            "after removing this one"
        )
    values = dict(mse=metrics.mse(labels, predictions))
    for name in ("lcc", "srcc", "ktau"):
        value = getattr(metrics, name)(labels, predictions)
        values[name] = value if np.isfinite(value) else CORRELATION_FLOOR
    return values


@dataclass
class MosTrainerOptions(TrainerOptions):
    """ESPnet's options, and ours.

    Attributes:
        dist_timeout: How long to wait for other processes, in seconds.
        compile: Whether the encoders are compiled.
    """

    dist_timeout: int
    compile: bool


def _is_first(distributed_option: DistributedOption) -> bool:
    return not distributed_option.distributed or distributed_option.dist_rank == 0


def waiting_fraction(reporter: SubReporter, accum_grad: int) -> float:
    """Return the fraction of an epoch's training that was spent waiting for data."""
    if "train_time" not in reporter.stats:  # fewer batches than a step takes
        return np.nan
    # s in a batch and s in a step, which begins with waiting for its first batch
    wait = aggregate(reporter.stats["iter_time"])
    return float(accum_grad * wait / aggregate(reporter.stats["train_time"]))


class MosTrainer(Trainer):
    """Trainer that recovers from errors and reports correlations of an epoch."""

    # the models as they were before the last epoch was saved
    before_saving: SavedFiles = {}

    @classmethod
    def build_options(cls, args: argparse.Namespace) -> MosTrainerOptions:
        """Build the options that the other methods take."""
        return build_dataclass(MosTrainerOptions, args)

    @staticmethod
    def resume(checkpoint, **states) -> None:
        """Resume as ESPnet does.

        Raises:
            TrainingError: The checkpoint is of a training with another optimiser.
        """
        try:
            Trainer.resume(checkpoint, **states)
        except (KeyError, ValueError) as e:
            raise TrainingError(
                f"{checkpoint} is of another configuration, with another optimiser or "
                f"other weights to train ({e}). Give this training a directory of its "
                "own (--tag, or --output_dir), or remove that directory"
            ) from e

    @classmethod
    def run(
        cls,
        *,
        model: torch.nn.Module,
        trainer_options: MosTrainerOptions,
        distributed_option: DistributedOption,
        **kwargs,
    ) -> None:
        """Train as ESPnet does, waiting only so long for another process."""
        cls.before_saving = saved_files(trainer_options.output_dir)
        if trainer_options.compile:
            for encoder in (model.ssl_encoder, model.spectrogram_encoder):
                if encoder is not None:
                    encoder.compile()  # in place: its weights keep their names
        if distributed_option.distributed:
            # which has no underscore from some torch on
            set_timeout = (
                getattr(torch.distributed, "set_timeout", None)
                or torch.distributed.distributed_c10d._set_pg_timeout
            )
            set_timeout(datetime.timedelta(seconds=trainer_options.dist_timeout))
        try:
            super().run(
                model=model,
                trainer_options=trainer_options,
                distributed_option=distributed_option,
                **kwargs,
            )
        except (OSError, RuntimeError) as e:
            if full_disk(e) and _is_first(distributed_option):
                # or the message might not fit on the disk either
                remove_unfinished(trainer_options.output_dir, cls.before_saving)
            raise

    @classmethod
    def train_one_epoch(cls, *, reporter: SubReporter, options, **kwargs) -> bool:
        """Train as ESPnet does, and log how long the device waited for data."""
        all_steps_are_invalid = super().train_one_epoch(
            reporter=reporter, options=options, **kwargs
        )
        waiting = waiting_fraction(reporter, options.accum_grad)
        logging.info(f"waited for data: {waiting:.1%} of the time of training")
        return all_steps_are_invalid

    @classmethod
    @torch.no_grad()
    def validate_one_epoch(
        cls,
        model: torch.nn.Module,
        iterator,
        reporter: SubReporter,
        options: TrainerOptions,
        distributed_option: DistributedOption,
    ) -> None:
        """Validate as ESPnet does and report MSE, LCC, SRCC and KTAU.

        Those of further scores that have labels are `mse_<name>` and so on. The
        checkpoint, which ESPnet writes next, is set aside.
        """
        # of each score the pairs of `validation_metrics`
        scores: Dict[str, Dict[str, Tuple[float, float]]] = {MOS: {}}

        def record(module, args, batch, output):
            means = {MOS: output["mean"]}
            for name, mean in output["further"].items():
                means[table_name(name)] = mean
            for name in means.keys() & batch.keys():
                labels = batch[name].flatten().tolist()
                pairs = zip(means[name].tolist(), labels, strict=True)
                known = scores.setdefault(name, {})
                for utt, pair in zip(batch["utt_id"], pairs, strict=True):
                    if not math.isnan(pair[1]):
                        known[utt] = pair

        hook = model.register_forward_hook(record, with_kwargs=True)
        try:
            super().validate_one_epoch(
                model=model,
                iterator=iterator,
                reporter=reporter,
                options=options,
                distributed_option=distributed_option,
            )
        finally:
            hook.remove()

        if distributed_option.distributed:
            parts: List = [None] * torch.distributed.get_world_size()
            torch.distributed.all_gather_object(parts, scores)
            # An utterance that two ranks had counts once.
            scores = {
                name: {
                    utt: p for part in parts for utt, p in part.get(name, {}).items()
                }
                for name in sorted(set().union(*parts))
            }
        for name, pairs in scores.items():
            if pairs:
                values = validation_metrics(pairs)
                ending = name.removeprefix(MOS)
                reporter.register({f"{key}{ending}": x for key, x in values.items()})
        reporter.next()
        if _is_first(distributed_option):
            set_aside(options.output_dir, reporter.get_epoch())
            cls.before_saving = saved_files(options.output_dir)
