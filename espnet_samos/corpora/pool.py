"""Making a corpus in several processes, each of one thread."""

import contextlib
import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor
from typing import Callable, Iterator, List, Sequence, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
Made = TypeVar("Made")

ONE_THREAD = {
    f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")
}


def make_in_processes(
    make: Callable[[Item], List[Made]],
    items: Sequence[Item],
    nj: int,
    num_clips: int,
    num_made: int,
) -> Iterator[List[Made]]:
    """Make clips in `nj` processes, with a progress bar; yield them as they are done.

    After an error, the rest is not made. The processes end with this one, even where
    it is killed.

    Args:
        make: Makes the clips of an item.
        items: What is to be made.
        nj: Number of processes.
        num_clips: How many clips there will be in all.
        num_made: How many of them were there before.
    """
    spawn = multiprocessing.get_context("spawn")
    with (
        _one_thread(),
        tqdm(total=num_clips, initial=num_made, unit="clip") as progress,
        ProcessPoolExecutor(nj, mp_context=spawn, initializer=_end_with_parent) as pool,
    ):
        for made in pool.map(make, items):
            yield made
            progress.update(len(made))


def _end_with_parent() -> None:
    """End this process when its parent is killed, instead of waiting for ever."""

    def wait() -> None:
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Have each process that is started meanwhile compute in one thread."""
    before = dict(os.environ)
    os.environ.update(ONE_THREAD)
    try:
        yield
    finally:
        for name in ONE_THREAD:
            del os.environ[name]
        os.environ.update(before)
