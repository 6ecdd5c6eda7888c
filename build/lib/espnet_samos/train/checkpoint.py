"""Checkpoints of a training that may end at any moment.

ESPnet writes `checkpoint.pth` and the models over what was there. What is half written
when a training is killed, or the disk is full, is found here and never used: the
checkpoint before is kept, and stands in for it.
"""

import contextlib
import logging
import os
import zipfile
from pathlib import Path
from typing import Any, Dict, Optional, Sequence, Tuple, Union

import torch
from espnet2.train.reporter import Reporter

from espnet_samos.frontend.upstreams.checkpoint import reason
from espnet_samos.train.errors import TrainingError
from espnet_samos.utils.files import whole_file

CHECKPOINT = "checkpoint.pth"
PREVIOUS = "checkpoint.prev.pth"
SavedFiles = Dict[Path, Tuple[int, int]]
# The root logger is ESPnet's to set up, later than these messages.
logger = logging.getLogger(__name__)


def read_checkpoint(path: Union[Path, str]) -> Optional[Dict[str, Any]]:
    """Read what ESPnet saved, its tensors only when they are used.

    Returns:
        The states, or None where the file is missing or was not written to its end.

    Raises:
        TrainingError: The file is whole and cannot be read for another reason.
        OSError: It cannot be opened.
    """
    if not Path(path).exists() or not is_whole(path):
        return None
    try:
        return torch.load(path, "cpu", weights_only=True, mmap=True)
    except Exception as e:
        # Archives that are damaged or hold something else raise all kinds of these.
        raise TrainingError(
            f"{path} cannot be read ({reason(e)}): restore it from a backup, or remove "
            f"{Path(path).parent} to train anew"
        ) from e


def is_whole(path: Union[Path, str]) -> bool:
    """Return whether a file was written to its end: the list of what it holds is there.

    Raises:
        OSError: It cannot be read.
    """
    with open(path, "rb") as file:
        return zipfile.is_zipfile(file)


def set_aside(output_dir: Union[Path, str], epoch: int) -> None:
    """Keep the checkpoint that the one of `epoch` is about to overwrite."""
    checkpoint, previous = Path(output_dir, CHECKPOINT), Path(output_dir, PREVIOUS)
    if epoch == 1:
        # what is there is of a training that was not resumed
        previous.unlink(missing_ok=True)
    elif checkpoint.exists():
        os.replace(checkpoint, previous)


def saved_files(output_dir: Union[Path, str]) -> SavedFiles:
    """Return the models in a directory, each with its size and time of change."""
    files = {}
    for pattern in (CHECKPOINT, "*epoch.pth", "*best.pth"):
        for path in Path(output_dir).glob(pattern):
            if not path.is_symlink():
                stat = path.stat()
                files[path] = (stat.st_size, stat.st_mtime_ns)
    return files


def remove_unfinished(output_dir: Union[Path, str], before: SavedFiles) -> None:
    """Remove models that were not written to their end, which a full disk leaves.

    Args:
        output_dir: Where they are.
        before: The models as they were before those were written; these stay.
    """
    for path, state in saved_files(output_dir).items():
        if before.get(path) == state:
            continue
        with contextlib.suppress(OSError):
            if not is_whole(path):
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
