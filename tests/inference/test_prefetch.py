import itertools
import threading
import time

import pytest

from espnet_samos.inference.prefetch import DEPTH, prefetch


@pytest.mark.parametrize("num_workers", [0, 1, 2, 5])
def test_everything_comes_in_order(num_workers):
    iterables = [range(10 * i, 10 * i + i) for i in range(20)]
    got = [list(items) for items in prefetch(iterables, num_workers)]
    assert got == [list(iterable) for iterable in iterables]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_an_error_is_raised_where_its_item_is_asked_for(num_workers):
    def broken():
        yield 1
        raise OSError("broken")

    first, second, third = itertools.tee(range(3), 3)
    results = []
    for items in prefetch([first, broken(), third], num_workers):
        try:
            results.append(list(items))
        except OSError as e:
            results.append(str(e))
    assert results == [[0, 1, 2], "broken", [0, 1, 2]]


def test_no_more_is_made_than_was_asked_for():
    made = []

    def endless(i):
        for j in itertools.count():
            made.append((i, j))
            yield j

    outer = prefetch((endless(i) for i in itertools.count()), num_workers=3)
    next(next(outer))
    time.sleep(0.3)
    started = {i for i, _ in made}
    assert started == {0, 1, 2}
    # what is in the queue, in hand and was taken
    assert len(made) <= 3 * (DEPTH + 1) + 1


def test_threads_end_with_the_reader():
    before = threading.active_count()
    outer = prefetch([itertools.count(), itertools.count()], num_workers=2)
    next(next(outer))
    outer.close()
    deadline = time.time() + 5
    while threading.active_count() > before and time.time() < deadline:
        time.sleep(0.05)
    assert threading.active_count() <= before
