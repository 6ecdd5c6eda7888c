import dataclasses
import importlib
import itertools
import math
import pkgutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet_samos.audio.window_times import window_starts
from espnet_samos.inference.result import MosResult, Score, WindowScore, mixture


def test_a_mixture_has_the_moments_of_draws_from_it():
    windows = [
        WindowScore(0, 1, 1.5, 0.2),
        WindowScore(1, 2, math.nan, math.nan),
        WindowScore(2, 3, 4.0, 0.6),
    ]
    rng = np.random.default_rng(0)
    draws = np.r_[rng.normal(1.5, 0.2, 500_000), rng.normal(4.0, 0.6, 500_000)]
    expected = pytest.approx((draws.mean(), draws.std()), abs=0.005)
    assert mixture(windows, 1.0) == expected


@settings(max_examples=20, deadline=None)
@given(
    duration=st.floats(1.0, 9.0),
    hop=st.sampled_from([0.3, 0.5, 1.0]),
    seed=st.integers(0, 99),
)
def test_a_long_clips_interval_is_that_of_a_window_at_a_random_moment(
    duration, hop, seed
):
    rng = np.random.default_rng(seed)
    starts = np.array(window_starts(duration, 1.0, hop))
    means = rng.uniform(1, 5, len(starts))
    stds = rng.uniform(0.1, 1, len(starts))
    scores = [
        WindowScore(start, start + 1.0, mean, std)
        for start, mean, std in zip(starts, means, stds, strict=True)
    ]
    mean, std = mixture(scores, 1.0)
    # a moment, one of the windows that have it, and the label of that
    moments = rng.uniform(0, starts[-1] + 1.0, 20_000)
    has = (starts <= moments[:, None]) & (moments[:, None] <= starts + 1.0)
    which = np.argmax(has * rng.uniform(0.1, 1, has.shape), axis=1)
    labels = rng.normal(means[which], stds[which])
    assert mean == pytest.approx(labels.mean(), abs=0.05)
    assert std == pytest.approx(labels.std(), abs=0.05)
    margin = 1.96 * labels.std()
    expected = labels.mean() - margin, labels.mean() + margin
    assert MosResult("x", mean, std).interval == pytest.approx(expected, abs=0.15)


def test_windows_count_by_the_sound_in_them():
    scores = [
        WindowScore(i, i + 1, 2.0 + i, 0.3, 0.25 if i == 0 else 1) for i in (0, 1)
    ]
    mean, std = mixture(scores, 1.0)
    assert mean == pytest.approx((0.25 * 2 + 3) / 1.25)
    assert std**2 == pytest.approx(0.3**2 + 0.2 * 0.8)


def test_a_window_can_be_seen_as_one_of_a_further_score():
    window = WindowScore(0, 1, 3.0, 0.5, 0.7, {"noi": Score(2.0, 0.1)})
    assert window.of("noi")[:5] == (0, 1, 2.0, 0.1, 0.7)


def test_silence_alone_has_no_score():
    assert all(map(math.isnan, mixture([WindowScore(0, 1, math.nan, math.nan)], 1.0)))


def test_a_result_as_a_row_has_the_interval_beside_the_score():
    row = MosResult("x.wav", mean=3.0, std=0.5).as_dict()
    assert list(row)[:5] == ["name", "mean", "std", "low", "high"]
    assert (row["low"], row["high"]) == pytest.approx((2.02, 3.98), abs=1e-3)
    assert row["error"] is None and row["warnings"] == {}


@pytest.mark.parametrize("part", ["audio", "inference", "model_zoo", "utils"])
def test_defaults_are_what_older_pythons_take(part):
    # Python 3.10 and 3.11 refuse a dataclass whose default cannot be hashed
    package = importlib.import_module(f"espnet_samos.{part}")
    names = [module.name for module in pkgutil.iter_modules(package.__path__)]
    modules = [importlib.import_module(f"{package.__name__}.{n}") for n in names]
    classes = {
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and dataclasses.is_dataclass(value)
    }
    for field in itertools.chain.from_iterable(map(dataclasses.fields, classes)):
        hash(field.default)
