from collections import Counter
from statistics import fmean, stdev

import pytest

from espnet_samos.corpora.audiomos import prepare
from espnet_samos.utils.tables import DataError
from tests.corpora.layouts import audiomos_ratings, make_and_read

UTT = "audiomos-track3-16k_sys1_utt0"


def by_id(sets, *names):
    return {clip.utt_id: clip for name in names for clip in sets[f"audiomos_{name}"]}


def test_challenge_layout(tmp_path):
    sets = make_and_read("audiomos_challenge", tmp_path)
    sizes = {name: len(clips) for name, clips in sets.items()}
    assert sizes == {"audiomos_train": 24, "audiomos_valid": 6, "audiomos_test": 30}
    assert not set(sets["audiomos_train"]) & set(sets["audiomos_valid"])
    # sys1 of 16 kHz is not sys1 of 24 kHz; each system gives one clip in five
    valid = Counter(clip.system for clip in sets["audiomos_valid"].values())
    assert valid == dict.fromkeys(
        ("16k_sys1", "16k_sys2", "24k_sys1", "24k_sys2", "24k_sys3", "48k_sys1"), 1
    )
    for clip in sets["audiomos_test"].values():
        ratings = audiomos_ratings(clip.path.stem, wide=True)
        assert clip.utt_id == f"audiomos-{clip.path.stem}"
        assert clip.mos == pytest.approx(fmean(ratings))
        assert clip.mos_std == pytest.approx(stdev(ratings))
        assert clip.votes == 3 and clip.lang == "en"
        assert clip.fs == 1000 * int(clip.system.split("k_")[0])


def test_labels_are_of_the_mixed_test_unless_told(tmp_path):
    make_and_read("audiomos_challenge", tmp_path)
    mixed, separate = (
        by_id(prepare(tmp_path, labels=labels), "train", "valid")
        for labels in ("mixed", "separate")
    )
    assert set(mixed) == set(separate)
    for utt, clip in mixed.items():
        lost = 1 if "16k" in utt else 0
        assert separate[utt].mos == pytest.approx(clip.mos + lost)
    with pytest.raises(DataError, match="labels 'both': choose one of mixed, sep"):
        prepare(tmp_path, labels="both")


def test_split_does_not_depend_on_the_order_of_the_lines(tmp_path):
    sets = make_and_read("audiomos_challenge", tmp_path)
    table = tmp_path / "val/utt_mix_val.csv"
    header, *lines = table.read_text().splitlines()
    table.write_text("\n".join([header, *lines[::-1]]))
    again = prepare(tmp_path)
    for name in ("train", "valid"):
        assert by_id(again, name).keys() == sets[f"audiomos_{name}"].keys()


def test_folders_and_names_of_the_challenge_vary(tmp_path):
    """Everything may be in one folder, and systems be named, not numbered."""
    make_and_read("audiomos_challenge", tmp_path)
    (tmp_path / "DATA/wav").rename(tmp_path / "wav")
    for path in [*tmp_path.glob("wav/*"), *tmp_path.glob("*/*.csv")]:
        if path.suffix == ".csv":
            text = path.read_text()
            path.write_text(text.replace("sys1", "nv").replace("sys2", "nv_SR"))
        else:
            name = path.name.replace("sys1", "nv").replace("sys2", "nv_SR")
            path.rename(path.with_name(name))
    systems = {clip.system for clip in prepare(tmp_path)["audiomos_test"]}
    assert {"16k_nv", "16k_nv_SR", "24k_sys3", "48k_nv"} <= systems


def test_lost_ratings_show_in_the_means_of_the_systems(tmp_path, caplog):
    make_and_read("audiomos_challenge", tmp_path)
    table = tmp_path / "test/utt_mix_test.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join(lines[:-1]))
    with pytest.raises(DataError, match="differ.*\n.*system .*48k_sys1: published"):
        prepare(tmp_path)
    assert len(prepare(tmp_path, skip_bad_clips=True)["audiomos_test"]) == 30
    assert "48k_sys1: published with" in caplog.text


def test_published_layout(tmp_path):
    sets = make_and_read("audiomos_published", tmp_path)
    sizes = {name: len(clips) for name, clips in sets.items()}
    assert sizes == {"audiomos_train": 24, "audiomos_valid": 6, "audiomos_test": 30}
    clip = sets["audiomos_valid"][f"audiomos-{UTT}5"]
    assert clip.path == tmp_path / f"audiomos2025_train/DATA/wav/{UTT}5.wav"
    assert (clip.system, clip.fs, clip.mos_std) == ("16k_sys1", 16000, None)
    assert clip.mos == pytest.approx(fmean(audiomos_ratings(f"{UTT}5", wide=True)))
    # The rate may be in the clip's name alone.
    for table in tmp_path.glob("*/DATA/*.csv"):
        lines = table.read_text().splitlines()
        short = [line.split("k_", 1)[1] for line in lines[1:]]
        table.write_text("\n".join([lines[0], *short]))
    again = prepare(tmp_path)
    assert [list(clips.values()) for clips in sets.values()] == list(again.values())
    with pytest.raises(DataError, match="only the challenge's layout"):
        prepare(tmp_path, labels="separate")


def test_other_folders_are_refused(tmp_path):
    with pytest.raises(DataError, match="neither a folder val .* nor audiomos2025"):
        prepare(tmp_path)


def test_names_of_systems_may_lack_the_prefix_of_clips(tmp_path):
    sets = make_and_read("audiomos_challenge", tmp_path)
    for name in ("val", "test"):
        table = tmp_path / f"{name}/sys_mix_{name}.csv"
        text = table.read_text()
        assert "audiomos-track3-16k_sys1" in text
        table.write_text(text.replace("audiomos-track3-", ""))
    again = prepare(tmp_path)
    for name, clips in again.items():
        assert {c.utt_id: c for c in clips} == {
            c.utt_id: c for c in sets[name].values()
        }
