import hashlib
from collections import Counter

import pytest

from espnet_samos.corpora.mini import design
from espnet_samos.corpora.mini.systems import SYSTEMS, system_rate
from espnet_samos.utils.tables import DataError


@pytest.mark.parametrize("size", design.SIZES)
def test_design_sets_share_no_sentence_and_no_id(size):
    clips = design.design(size)
    sets_of = {}
    for clip in clips:
        sets_of.setdefault(clip.text, set()).add(clip.set_name)
        assert clip.utt_id.startswith(f"{clip.speaker}-")
    assert all(len(names) == 1 for names in sets_of.values())
    assert len({clip.utt_id for clip in clips}) == len(clips)
    assert {clip.set_name for clip in clips} == set(design.SETS)


def test_small_is_the_same_for_ever():
    """Its clips are those that published figures were measured on."""
    small = design.design("small")
    listed = "\n".join(" ".join((*c[:3], str(c.number), *c[4:6])) for c in small)
    digest = hashlib.sha256(listed.encode()).hexdigest()
    assert digest == "6d924830477e351b09d5600869c30fc39baa0e370221c554eb7173c84dedd71b"
    assert {c.cut_off_khz for c in small} == {None}


def test_design_systems_and_rates():
    by_set = {name: set() for name in design.SETS}
    for clip in design.design():
        by_set[clip.set_name].add(clip.system)
    unseen = by_set.pop("mini_unseen")
    assert not unseen & set().union(*by_set.values())
    assert len(unseen) >= 12
    assert sum(system_rate(system) == 48000 for system in unseen) >= 7
    assert by_set["mini_train"] == by_set["mini_test"] == set(SYSTEMS)
    assert {system_rate(s) for s in by_set["mini_pretrain"]} == {48000}


def test_design_ties_no_system_to_a_speaker():
    counts = Counter()
    for clip in design.design():
        if clip.set_name == "mini_pretrain":
            counts[clip.system, clip.speaker] += 1
    assert len(counts) == 22 * 6 and set(counts.values()) == {4}
    # The same system and number has other speakers in other sets
    speakers = {}
    for clip in design.design():
        speakers.setdefault((clip.system, clip.number), []).append(clip.speaker)
    assert all(len(set(who)) == len(who) for who in speakers.values())


def test_tiny_is_a_small_part_with_all_rates():
    tiny = design.design("tiny")
    assert set(tiny) < set(design.design("small"))
    assert 60 <= len(tiny) <= 80
    for name in design.SETS:
        systems = {clip.system for clip in tiny if clip.set_name == name}
        assert len(systems) >= 3
        rates = {system_rate(system) for system in systems}
        expected = {48000} if "pretrain" in name else {16000, 24000, 48000}
        assert rates == expected
    with pytest.raises(DataError, match="small, tiny"):
        design.design("huge")
