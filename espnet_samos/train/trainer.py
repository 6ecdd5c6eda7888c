"""ESPnet's trainer, with correlations over the whole validation set."""

from typing import Dict, List, Tuple

import numpy as np
import torch
from espnet2.train.distributed_utils import DistributedOption
from espnet2.train.reporter import SubReporter
from espnet2.train.trainer import Trainer, TrainerOptions

from espnet_samos import metrics

# What a correlation counts as where it is not defined (say, all predictions are
# equal): NaN would corrupt ESPnet's sorting of epochs.
CORRELATION_FLOOR = -1.0


def validation_metrics(scores: Dict[str, Tuple[float, float]]) -> Dict[str, float]:
    """Compute MSE, LCC, SRCC and KTAU of (prediction, label) by utterance."""
    predictions, labels = np.array(list(scores.values()), dtype=np.float64).T
    values = dict(mse=metrics.mse(predictions, labels))
    for name in ("lcc", "srcc", "ktau"):
        value = getattr(metrics, name)(predictions, labels)
        values[name] = value if np.isfinite(value) else CORRELATION_FLOOR
    return values


class MosTrainer(Trainer):
    """Trainer that reports correlations of an epoch, not means over batches."""

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
        """Validate as ESPnet does and report MSE, LCC, SRCC and KTAU."""
        scores: Dict[str, Tuple[float, float]] = {}

        def record(module, args, batch, output):
            labels = batch["mos"].flatten().tolist()
            pairs = zip(output["mean"].tolist(), labels, strict=True)
            scores.update(zip(batch["utt_id"], pairs, strict=True))

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
            scores = {utt: pair for part in parts for utt, pair in part.items()}
        reporter.register(validation_metrics(scores))
        reporter.next()
