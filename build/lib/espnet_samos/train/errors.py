"""Errors of a training, with hints on what to do."""

import contextlib
import fcntl
import logging
import os
import re
import shutil
import socket
import time
from pathlib import Path
from typing import Iterator, Optional, Set, TextIO, Union

import torch
from espnet2.torch_utils.safe_torch_load import UnsafeLoadRefusedError

from espnet_samos.utils.files import full_disk

LOCK = ".lock"
LOCK_SECONDS = 1.0  # mos.sh looks at the lock for a moment
# what PyTorch's gloo says of a connection: the place in its source comes first
GLOO = re.compile(r"\[\S*/gloo/\S+:\d+\] ")
AGAIN = "run the same command again: it goes on after the last epoch that was saved"
# The root logger is ESPnet's to set up, later than these messages.
logger = logging.getLogger(__name__)

_locks: Set[TextIO] = set()


class TrainingError(RuntimeError):
    """A training that cannot go on; the message says why and what to do."""


def _drop_locks() -> None:
    # A data-loading worker that outlives its killed parent must not hold on to the
    # parent's directory. Closing takes nothing from the parent.
    for file in _locks:
        file.close()


os.register_at_fork(after_in_child=_drop_locks)


@contextlib.contextmanager
def locked(directory: Union[Path, str]) -> Iterator[None]:
    """Lock a directory for this process; the lock ends with it, however it ends.

    Where the file system has no locks, there is a warning and no lock.

    Raises:
        TrainingError: Another process has it.
    """
    path = Path(directory, LOCK)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        end = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    file.seek(0)
                    raise TrainingError(
                        f"{directory} is in use by {file.read() or 'another run'}: "
                        "wait until that has ended, or give this one a directory of "
                        "its own (--tag, or --output_dir)"
                    ) from None
                time.sleep(0.1)
            except OSError as e:
                logger.warning(
                    f"{path} cannot be locked ({e.strerror}): make sure that no "
                    "two runs use this directory at once"
                )
                break
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        _locks.add(file)
        try:
            yield
        finally:
            _locks.remove(file)


def explanation(error: Exception, output_dir: Union[Path, str]) -> Optional[str]:
    """Return what caused an error and what to do; None where it speaks for itself."""
    first = (str(error).splitlines() or [""])[0]
    if isinstance(error, TrainingError):
        return str(error)
    if full_disk(error):
        free = shutil.disk_usage(output_dir).free / 1e6
        return (
            f"a file cannot be written ({first}); {free:.0f} MB are free where "
            f"{output_dir} is. If the disk or the quota is full, free space; then "
            f"{AGAIN}"
        )
    if isinstance(error, UnsafeLoadRefusedError):
        return (
            f"a model file cannot be read ({first}): it is cut short or is something "
            "else. Copy it, or train it, again"
        )
    if isinstance(error, torch.OutOfMemoryError):
        return (
            f"the GPU's memory is full ({first}). Use a smaller --batch_size with "
            "--accum_grad, which keeps the number of clips in a step, or set "
            "spectrogram_encoder_conf.gradient_checkpointing to true"
        )
    # the second where the connection breaks before the process is missed
    if isinstance(error, ConnectionResetError) or re.search(
        r"DataLoader worker .*(exited unexpectedly|killed by signal)", first
    ):
        return (
            f"a data-loading process is gone ({first}). Most often memory has run "
            "out: give the job more, or take fewer workers (--num_workers); then "
            f"{AGAIN}"
        )
    if isinstance(error, torch.distributed.DistError) or GLOO.match(first):
        return (
            "another process of this training is gone, or does not answer any more "
            f"({first}). Its own messages say why, or its node is down; then {AGAIN}"
        )
    return None


@contextlib.contextmanager
def explained(output_dir: Union[Path, str]) -> Iterator[None]:
    """Exit with an explanation where there is one, after the traceback."""
    try:
        yield
    except (OSError, RuntimeError) as e:
        text = explanation(e, output_dir)
        if text is None:
            raise
        if not isinstance(e, TrainingError):
            logger.error("The training stops", exc_info=True)
        raise SystemExit(f"error: {text}") from e
