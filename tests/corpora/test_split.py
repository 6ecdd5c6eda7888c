from hypothesis import given, settings
from hypothesis import strategies as st

from espnet_samos.corpora.clip import Clip
from espnet_samos.corpora.split import split_off


def make_clips(sizes):
    return [
        Clip(f"s{system}-{i}", "a.wav", 3.0, f"s{system}", f"s{system}-{i}")
        for system, size in enumerate(sizes)
        for i in range(size)
    ]


@given(
    sizes=st.lists(st.integers(1, 12), max_size=6),
    every=st.integers(2, 11),
    random=st.randoms(use_true_random=False),
)
@settings(max_examples=50, deadline=None)
def test_holds_back_a_fair_share_of_each_system(sizes, every, random):
    clips = make_clips(sizes)
    rest, held_back = split_off(clips, every)
    assert len(held_back) == len(clips) // every
    assert sorted([*rest, *held_back], key=clips.index) == clips
    for system, size in enumerate(sizes):
        share = sum(clip.system == f"s{system}" for clip in held_back)
        assert size // every <= share <= size // every + 1
    shuffled = random.sample(clips, len(clips))
    assert set(split_off(shuffled, every)[1]) == set(held_back)


def test_is_the_same_on_every_machine():
    held_back = split_off(make_clips([10, 10]), 5)[1]
    assert [clip.utt_id for clip in held_back] == ["s0-7", "s0-8", "s1-0", "s1-6"]
