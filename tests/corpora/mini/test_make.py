"""Making the mini corpus, with a few of its clips."""

import csv
import filecmp

import numpy as np
import pytest
import soundfile

from espnet_samos.corpora.mini import design, make, read_mini, speech
from espnet_samos.corpora.mini.labels import proxy_label
from espnet_samos.corpora.mini.systems import system_rate
from espnet_samos.utils.tables import DataError

# Each rate, two clips of one sentence, and first one with random numbers
FEW = sorted(
    clip
    for clip in design.design("tiny")
    if clip.set_name == "mini_test"
    and clip.system in ("48k_clean", "48k_white_20", "24k_mp3_24", "16k_opus_6")
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A few clips, made by two processes."""
    root = tmp_path_factory.mktemp("mini")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(make, "design", lambda size: FEW)
        make.prepare_mini(root, nj=2)
    return root


def test_made_corpus_is_as_designed(corpus):
    clips = {c.utt_id: c for clips in read_mini(corpus).values() for c in clips}
    assert set(clips) == {c.utt_id for c in FEW}
    for wanted in FEW:
        clip = clips[wanted.utt_id]
        info = soundfile.info(clip.path)
        assert info.subtype == "PCM_16"
        assert info.samplerate == clip.fs == system_rate(wanted.system)
        samples, _ = soundfile.read(clip.path)
        assert 10 * np.log10(np.mean(samples**2)) == pytest.approx(-26, abs=0.01)
        reference = speech.synthesise(wanted.text, wanted.speaker)
        assert clip.mos == proxy_label(reference, samples, clip.fs)
    with (corpus / "metadata.csv").open(encoding="utf-8") as f:
        assert len(list(csv.DictReader(f))) == len(FEW)
    readme = (corpus / "README.txt").read_text()
    assert "not a human opinion" in readme and "Nagoya Institute of Tech" in readme


def test_killed_run_goes_on_to_the_same_bytes(corpus, tmp_path, monkeypatch):
    """One process makes what two made, and does not make again what is finished."""
    monkeypatch.setattr(make, "design", lambda size: FEW)
    lost, unlabelled, *kept = FEW
    for clip in (unlabelled, *kept):
        (tmp_path / clip.path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / clip.path).write_bytes((corpus / clip.path).read_bytes())
    labels = dict(
        line.split() for line in (corpus / "labels.txt").read_text().splitlines()[1:]
    )
    lines = [make.VERSION, *(f"{c.utt_id} {labels[c.utt_id]}" for c in kept)]
    (tmp_path / "labels.txt").write_text(
        "\n".join([*lines, f"{unlabelled.utt_id} 3.1"])
    )
    before = {c: (tmp_path / c.path).stat().st_ino for c in kept}
    make.prepare_mini(tmp_path, nj=1)
    assert before == {c: (tmp_path / c.path).stat().st_ino for c in kept}
    files = [*(c.path for c in FEW), "metadata.csv", "README.txt"]
    assert filecmp.cmpfiles(corpus, tmp_path, files, shallow=False) == (files, [], [])


def test_refuses_another_version_and_an_unfinished_corpus(tmp_path):
    with pytest.raises(DataError, match="not finished"):
        read_mini(tmp_path)
    (tmp_path / "labels.txt").write_text("some other corpus\n")
    with pytest.raises(DataError, match="another version"):
        make.prepare_mini(tmp_path)
