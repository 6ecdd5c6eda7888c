from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from espnet_samos.evaluation.paired import compare, describe, pair_files
from espnet_samos.evaluation.plots import paired_scores


def test_the_interval_is_that_of_scipys_paired_test():
    rng = np.random.default_rng(0)
    a = rng.normal(3, 1, 40)
    b = a + rng.normal(0.2, 0.3, 40)
    result = compare(a, b)
    expected = stats.ttest_rel(b, a).confidence_interval(0.95)
    assert (result.low, result.high) == pytest.approx((expected.low, expected.high))
    assert result.difference == pytest.approx(b.mean() - a.mean())
    assert result.wins == np.mean(b > a)
    with pytest.raises(ValueError, match="1 pairs"):
        compare([1], [2])


def test_the_verdict_follows_the_interval():
    a = np.linspace(2, 4, 20)
    noise = np.random.default_rng(0).normal(0, 0.1, 20)
    assert "B is predicted to be better" in describe(
        compare(a, a + 1 + noise), "A", "B"
    )
    assert "A is predicted to be better" in describe(
        compare(a + 1 + noise, a), "A", "B"
    )
    same = compare(a, a + noise - noise.mean())
    assert "show no difference" in describe(same, "A", "B")


def test_learnt_differences_count_in_place_of_those_of_scores():
    a, b = np.linspace(2, 4, 20), np.linspace(3, 4, 20)
    learnt = np.linspace(-1, -0.5, 20)
    result = compare(a, b, learnt)
    assert result.difference == pytest.approx(-0.75) and result.wins == 0
    text = describe(result, "old", "new", learnt=True)
    assert "old is predicted to be better" in text and "mean" not in text
    figure = paired_scores(a, b, "old", "new", result, differences=learnt)
    left, right = figure.axes
    assert left.get_xlabel() == "utility of old"
    assert right.get_xlabel() == "comparison, above 0: new is better"
    assert right.patches[0].get_x() == pytest.approx(-1)


def test_files_pair_by_their_place_whatever_the_suffix():
    a = ["a/x.wav", "a/sub/y.wav", "a/only.wav"]
    b = ["b/x.flac", "b/sub/y.wav", "b/y.wav"]
    pairs, alone = pair_files(a, Path("a"), b, Path("b"))
    assert pairs == [
        (str(Path("sub/y")), "a/sub/y.wav", "b/sub/y.wav"),
        ("x", "a/x.wav", "b/x.flac"),
    ]
    assert alone == ["a/only.wav", "b/y.wav"]
    with pytest.raises(ValueError, match="x.wav and a/x.flac have one name"):
        pair_files(["a/x.wav", "a/x.flac"], Path("a"), b, Path("b"))


def test_the_plot_shows_pairs_and_interval():
    a, b = np.linspace(2, 4, 20), np.linspace(2.1, 4.4, 20)
    figure = paired_scores(a, b, "old", "new", compare(a, b), "proxy")
    left, right = figure.axes
    np.testing.assert_allclose(left.collections[0].get_offsets(), np.c_[a, b])
    assert sum(patch.get_height() for patch in right.patches[:-1]) == 20
    assert "+0.2" in right.get_title()
