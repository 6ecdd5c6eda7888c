"""Iterators that are advanced in the background."""

import queue
import threading
from collections import deque
from typing import Iterable, Iterator, TypeVar

T = TypeVar("T")

DEPTH = 4  # so many items are made in advance of each iterable
END = object()


class _Failure:
    def __init__(self, error: BaseException):
        self.error = error


def _fill(iterable: Iterable, items: queue.Queue, stop: threading.Event) -> None:
    """Put what an iterable gives into a queue, until all is there or `stop` is set."""

    def put(item: object) -> None:
        while not stop.is_set():
            try:
                return items.put(item, timeout=0.1)
            except queue.Full:
                pass

    try:
        for item in iterable:
            put(item)
            if stop.is_set():
                return
        put(END)
    except BaseException as e:
        put(_Failure(e))


def _drain(items: queue.Queue) -> Iterator:
    while (item := items.get()) is not END:
        if isinstance(item, _Failure):
            raise item.error
        yield item


def prefetch(
    iterables: Iterable[Iterable[T]], num_workers: int
) -> Iterator[Iterator[T]]:
    """Advance several iterables at once, each in a thread.

    Threads are enough for reading and resampling audio, which hold no lock of the
    interpreter. What is held in memory is a few items of `num_workers` iterables,
    however many there are and however long each is.

    Args:
        iterables: What to go through. One that raises does so where it is consumed.
        num_workers: How many to have in progress at a time; 0 makes each item when it
            is asked for.

    Yields:
        An iterator over the items of each iterable, in order. It has to be used up
        before the next is asked for.
    """
    if num_workers == 0:
        yield from map(iter, iterables)
        return
    iterables = iter(iterables)
    stop = threading.Event()
    waiting: deque = deque()

    def start_next() -> None:
        for iterable in iterables:
            items: queue.Queue = queue.Queue(DEPTH)
            threading.Thread(
                target=_fill, args=(iterable, items, stop), daemon=True
            ).start()
            waiting.append(items)
            return

    try:
        for _ in range(num_workers):
            start_next()
        while waiting:
            yield _drain(waiting.popleft())
            start_next()
    finally:
        stop.set()
