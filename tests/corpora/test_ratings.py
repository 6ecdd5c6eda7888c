from pathlib import Path
from statistics import stdev

import pytest

from espnet_samos.corpora.ratings import Rating, clips_from_ratings, rating_std


def test_standard_deviation_is_that_of_a_sample():
    assert rating_std([2, 4]) == pytest.approx(2**0.5)
    assert rating_std([3, 3, 3]) == 0
    assert rating_std([3]) is None


def test_a_clip_of_each_file():
    a, b = Path("/x/a b.wav"), Path("/x/b.wav")
    ratings = [
        Rating(path, system, value, line=line)
        for line, (path, system, value) in enumerate(
            [(a, "s", 1), (b, "t", 5), (a, "s", 2), (a, "s", 4)], 2
        )
    ]
    clip, single = clips_from_ratings(ratings, "corpus", "en", "table")
    assert (clip.utt_id, clip.path, clip.system) == ("corpus-a_b", a, "s")
    assert clip.mos == pytest.approx(7 / 3) and clip.votes == 3
    assert clip.mos_std == pytest.approx(stdev([1, 2, 4]))
    assert (single.mos, single.mos_std, single.votes) == (5, None, 1)
