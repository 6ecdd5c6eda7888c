"""Checkpoints of a training that may end at any moment.

ESPnet writes `checkpoint.pth` and the models over what was there. What is half written
when a training is killed, or the disk is full, is found here and never used: the
checkpoint before is kept, and stands in for it.
"""

import logging
import os
from pathlib import Path
from typing import Any, Dict, Optional, Sequence, Union

import torch
from espnet2.train.reporter import Reporter

from espnet_samos.train.errors import TrainingError
from espnet_samos.utils.files import whole_file

CHECKPOINT = "checkpoint.pth"
PREVIOUS = "checkpoint.prev.pth"
# The root logger is ESPnet's to set up, later than these messages.
logger = logging.getLogger(__name__)


def read_checkpoint(path: Union[Path, str]) -> Optional[Dict[str, Any]]:
    """Read what ESPnet saved, its tensors only when they are used.

    Returns:
        The states, or None where the file is missing, cut short or something else.
    """
    try:
        return torch.load(path, "cpu", weights_only=True, mmap=True)
    except FileNotFoundError:
        return None
    except OSError:
        raise
    except Exception:
        # Damaged archives and pickles raise all kinds of exceptions.
        return None


def set_aside(output_dir: Union[Path, str], epoch: int) -> None:
    """Keep the checkpoint that the one of `epoch` is about to overwrite."""
    checkpoint, previous = Path(output_dir, CHECKPOINT), Path(output_dir, PREVIOUS)
    if epoch == 1:
        # what is there is of a training that was not resumed
        previous.unlink(missing_ok=True)
    elif checkpoint.exists():
        os.replace(checkpoint, previous)


def remove_unfinished(output_dir: Union[Path, str]) -> None:
    """Remove models that were not written to their end, which a full disk leaves."""
    for pattern in (CHECKPOINT, "*epoch.pth", "*best.pth"):
        for path in Path(output_dir).glob(pattern):
            if not path.is_symlink() and read_checkpoint(path) is None:
                # torch.save, which failed, may have it open: unlinking alone would
                # not free its space
                os.truncate(path, 0)
                path.unlink()


def restore(
    output_dir: Union[Path, str], best_model_criterion: Sequence[Sequence[str]]
) -> None:
    """Restore a directory to its state after the last epoch that was fully saved.

    `checkpoint.pth` becomes the newest checkpoint that can be read; the model of its
    epoch, and the links to that and to the best one, are made where saving them was
    interrupted. Where not even the first epoch was saved, nothing is left to resume.

    Args:
        output_dir: The directory of a training that does not run.
        best_model_criterion: Phase, value, and `min` or `max`, as ESPnet has them.

    Raises:
        TrainingError: There are models, but no checkpoint that can be read.
        OSError: A file cannot be read or written.
    """
    output_dir = Path(output_dir)
    checkpoint, previous = output_dir / CHECKPOINT, output_dir / PREVIOUS
    if not checkpoint.exists() and not previous.exists():
        return
    states = read_checkpoint(checkpoint)
    if states is None:
        states = read_checkpoint(previous)
        if states is not None:
            logger.warning(
                f"{checkpoint} was not written to its end: going on from the one "
                f"before it, of epoch {states['reporter']['epoch']}"
            )
            os.replace(previous, checkpoint)
        elif not any(output_dir.glob("*epoch.pth")):
            logger.warning(
                f"{checkpoint} was not written to its end, and there is none before "
                "it: beginning anew"
            )
            checkpoint.unlink(missing_ok=True)
            return
        else:
            raise TrainingError(
                f"{checkpoint} cannot be read, nor can {PREVIOUS}: restore one of "
                f"them from a backup, or remove {output_dir} to train anew"
            )
    reporter = Reporter()
    reporter.load_state_dict(states["reporter"])
    epoch = reporter.get_epoch()
    model = output_dir / f"{epoch}epoch.pth"
    if read_checkpoint(model) is None:
        logger.warning(f"{model} was not written to its end: writing it again")
        with whole_file(model) as unfinished:
            torch.save(states["model"], unfinished)
    links = {"latest.pth": epoch}
    for phase, key, mode in best_model_criterion:
        if reporter.has(phase, key):
            best = reporter.get_best_epoch(phase, key, mode)
            links[f"{phase}.{key}.best.pth"] = best
    for name, epoch in links.items():
        link, target = output_dir / name, output_dir / f"{epoch}epoch.pth"
        if target.exists() and link.resolve() != target.resolve():
            link.unlink(missing_ok=True)
            link.symlink_to(target.name)


def check_fits(model: torch.nn.Module, output_dir: Union[Path, str]) -> None:
    """Check that the checkpoint to resume from is of a model of the same shape.

    Raises:
        TrainingError: The names or the shapes of the weights differ.
    """
    path = Path(output_dir, CHECKPOINT)
    states = read_checkpoint(path)
    if states is None:
        return
    saved = {name: tuple(x.shape) for name, x in states["model"].items()}
    built = {name: tuple(x.shape) for name, x in model.state_dict().items()}
    different = sorted({name for name, _ in saved.items() ^ built.items()})
    if different:
        name = different[0]
        raise TrainingError(
            f"{path} is of another configuration: {len(different)} of its weights "
            f"differ from this model's, such as {name} (shape "
            f"{saved.get(name, 'none')}, here {built.get(name, 'none')}). Give this "
            f"training a directory of its own (--tag, or --output_dir), or remove "
            f"{output_dir}"
        )
