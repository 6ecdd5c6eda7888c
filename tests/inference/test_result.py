import math

import numpy as np
import pytest

from espnet_samos.inference.result import MosResult, WindowScore, mixture


def test_a_mixture_has_the_moments_of_draws_from_it():
    windows = [
        WindowScore(0, 1, 1.5, 0.2),
        WindowScore(1, 2, math.nan, math.nan),
        WindowScore(2, 3, 4.0, 0.6),
    ]
    rng = np.random.default_rng(0)
    draws = np.r_[rng.normal(1.5, 0.2, 500_000), rng.normal(4.0, 0.6, 500_000)]
    assert mixture(windows) == pytest.approx((draws.mean(), draws.std()), abs=0.005)


def test_silence_alone_has_no_score():
    assert all(map(math.isnan, mixture([WindowScore(0, 1, math.nan, math.nan)])))


def test_a_result_as_a_row_has_the_interval_beside_the_score():
    row = MosResult("x.wav", mean=3.0, std=0.5).as_dict()
    assert list(row)[:5] == ["name", "mean", "std", "low", "high"]
    assert (row["low"], row["high"]) == pytest.approx((2.02, 3.98), abs=1e-3)
    assert row["error"] is None and row["warnings"] == {}
