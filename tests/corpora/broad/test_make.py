"""Making the broad corpus, with a few of its utterances."""

import filecmp
import json

import numpy as np
import pytest
import soundfile

from espnet_samos.corpora import broad
from espnet_samos.corpora.broad import make
from espnet_samos.corpora.broad.kinds import UNSEEN_KINDS, WIDE_KINDS, Source
from espnet_samos.utils.tables import DataError
from tests.tiny_model import speechlike

FEW = {
    "broad_train": make.BroadSet("train", ["allison", "mei"], WIDE_KINDS, 2),
    "broad_unseen": make.BroadSet("test", ["carlo", "mei"], UNSEEN_KINDS, 2),
}


def make_few(root, recordings, nj=1):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(make, "SETS", FEW)
        # other processes would have all sets
        patch.setattr(make, "make_in_processes", one_process)
        make.prepare_broad(root, recordings, nj, 1.0)


def one_process(function, items, nj, num_clips, num_made):
    assert num_clips == num_made + 6 * len(items)
    yield from map(function, items)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory, recordings):
    root = tmp_path_factory.mktemp("broad")
    make_few(root, recordings)
    return root


def test_clips_are_as_their_measures_say(corpus):
    utterances = make.read_measures(corpus)
    assert [u["name"] for u in utterances] == [
        *("broad_train-0000", "broad_train-0001"),
        *("broad_unseen-0000", "broad_unseen-0001"),
    ]
    for utterance in utterances:
        clips = utterance["clips"]
        assert [clip["system"] == "clean" for clip in clips] == [True] + [False] * 5
        kinds = UNSEEN_KINDS if "unseen" in utterance["name"] else WIDE_KINDS
        for clip in clips:
            path = corpus / "wav" / clip["set"] / f"{clip['utt_id']}.wav"
            samples, fs = soundfile.read(path)
            assert fs == clip["fs"] >= clip["made_at"]
            assert np.abs(samples).max() < 1 and 2 < len(samples) / fs < 8.1
            systems = set(clip["system"].split("+"))
            assert systems <= {"clean", *kinds}
            assert 1 <= clip["distillmos"] <= 5 and 0 <= clip["lost"] <= 1
        clean = clips[0]
        assert clean["distillmos"] == pytest.approx(clean["distillmos_clean"], abs=0.3)


def test_a_killed_run_goes_on_to_the_same_corpus(corpus, recordings, tmp_path):
    lines = (corpus / make.MEASURES).read_text().splitlines(keepends=True)
    tmp_path.joinpath(make.MEASURES).write_text("".join(lines[:3]) + lines[3][:50])
    for name in FEW:
        (tmp_path / "wav" / name).mkdir(parents=True)
    make_few(tmp_path, recordings)
    assert (tmp_path / make.MEASURES).read_text() == "".join(lines)
    for utterance in make.read_measures(tmp_path)[2:]:
        for clip in utterance["clips"]:
            name = f"wav/{clip['set']}/{clip['utt_id']}.wav"
            assert filecmp.cmp(corpus / name, tmp_path / name, shallow=False)


def test_another_version_is_refused(tmp_path):
    (tmp_path / make.MEASURES).write_text(json.dumps("something else") + "\n")
    with pytest.raises(DataError, match="another version of the corpus"):
        make.read_measures(tmp_path)


def test_a_missing_package_is_named(monkeypatch, tmp_path):
    find = broad.importlib.util.find_spec
    monkeypatch.setattr(
        broad.importlib.util,
        "find_spec",
        lambda name: None if name == "piper" else find(name),
    )
    with pytest.raises(DataError, match=r"no Python package piper.*\[broad\]"):
        broad.prepare(tmp_path)


@pytest.mark.parametrize("name", [*WIDE_KINDS, *UNSEEN_KINDS])
@pytest.mark.parametrize("fs", [16000, 24000, 48000])
def test_every_kind_does_something_at_every_rate(name, fs):
    x = speechlike(3.0, fs).astype(np.float64)
    kind = {**WIDE_KINDS, **UNSEEN_KINDS}[name]
    for seed in range(3):
        rng = np.random.default_rng(seed)
        source = Source(fs, lambda: speechlike(2.0, fs, seed=5).astype(np.float64))
        y = kind(source, rng)(x, fs, rng)
        assert np.isfinite(y).all() and len(y) > 0.5 * len(x)
        assert len(y) == len(x) or name in ("chop", "non_speech")
        assert len(y) != len(x) or not np.array_equal(x, y)


def test_dressing_changes_no_more_than_level_rate_and_silence():
    x = speechlike(3.0, 16000).astype(np.float64)
    for seed in range(20):
        y, fs = make.dress(x, 16000, np.random.default_rng(seed))
        assert fs >= 16000 and np.abs(y).max() <= 0.98 + 1e-9
        y = y - np.median(y)
        loud = np.flatnonzero(np.abs(y) > 0.01 * np.abs(y).max())
        assert (loud[-1] - loud[0]) / fs == pytest.approx(3.0, abs=0.1)
