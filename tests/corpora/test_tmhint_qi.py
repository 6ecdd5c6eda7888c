from collections import Counter

import pytest

from tests.corpora.layouts import make_and_read


def test_reads_every_set(tmp_path, caplog):
    sets = make_and_read("tmhint_qi", tmp_path)
    assert {name: len(clips) for name, clips in sets.items()} == {
        "tmhint_qi_train": 18,
        "tmhint_qi_valid": 2,
        "tmhint_qi_test": 4,
    }
    clip = sets["tmhint_qi_test"]["tmhint_qi-test_noisy_TMHINT_03_babble_5"]
    assert clip.path == tmp_path / "test/test_noisy_TMHINT_03_babble_5.wav"
    assert (clip.system, clip.mos, clip.votes) == ("noisy_babble_5", 2, 2)
    assert clip.mos_std == pytest.approx(2**0.5) and clip.lang == "zh"
    valid = sets["tmhint_qi_valid"].values()
    assert max(Counter(clip.system for clip in valid).values()) == 1
    assert "line 50: no rating" in caplog.text
