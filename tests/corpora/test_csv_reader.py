import numpy as np
import pytest
import soundfile

from espnet_samos.corpora.csv_reader import prepare
from espnet_samos.corpora.data_dir import write_data_dir
from espnet_samos.utils.tables import DataError


@pytest.fixture
def table(tmp_path):
    """A function that writes a table beside the audio files a.wav, b/a.wav, ..."""
    for name in ("a.wav", "b/a.wav", "c d.wav", "c_d.wav", "ü.flac"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, np.full(8000, 0.1), 16000)

    def write(*lines, encoding="utf-8", newline="\n"):
        path = tmp_path / "my.csv"
        path.write_bytes(newline.join([*lines, ""]).encode(encoding))
        return path

    return write


def test_reads_only_path_and_mos(table, tmp_path):
    sets = prepare(table("path,mos", "a.wav,3.5", "b/a.wav,4"))
    (name, clips), *others = sets.items()
    assert name == "my" and not others
    assert [c.utt_id for c in clips] == ["my-a", "my-b_a"]
    assert [c.speaker for c in clips] == ["my-a", "my-b_a"]
    assert [c.mos for c in clips] == [3.5, 4.0]
    assert [c.path for c in clips] == [tmp_path / "a.wav", tmp_path / "b/a.wav"]
    assert {c.system for c in clips} == {"unknown"}
    assert clips[0].mos_std is None and clips[0].votes is None
    assert clips[0].lang is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_reads_every_column(table, tmp_path, encoding, newline):
    path = table(
        "mos,path,split,speaker,system,std,votes,lang,remark",
        '3,"c d.wav",train,s-1,tts 2,0.5,8,de,"x, y"',
        f"4,{tmp_path}/ü.flac,dev,s-2,,,,,",
        encoding=encoding,
        newline=newline,
    )
    sets = prepare(path, set_prefix="own")
    assert list(sets) == ["own_train", "own_dev"]
    (clip,) = sets["own_train"]
    assert (clip.utt_id, clip.speaker) == ("own_s_1-c_d", "own_s_1")
    assert clip.system == "tts_2"
    assert (clip.mos, clip.mos_std, clip.votes, clip.lang) == (3.0, 0.5, 8, "de")
    (clip,) = sets["own_dev"]
    assert clip.speaker == "own_s_2" and clip.utt_id.endswith("ü")
    assert clip.system == "unknown" and clip.mos_std is None and clip.lang is None


def test_ids_are_unique_and_do_not_depend_on_the_order(table, tmp_path):
    lines = ["a.wav,1", "c d.wav,2", "c_d.wav,3"]
    forward = prepare(table("path,mos", *lines))["my"]
    backward = prepare(table("path,mos", *lines[::-1]))["my"]
    assert len({c.utt_id for c in forward}) == 3
    by_path = {c.path: c.utt_id for c in forward}
    assert by_path == {c.path: c.utt_id for c in backward}
    write_data_dir(forward, tmp_path / "data")


def test_speakers_that_cross_still_make_a_valid_directory(table, tmp_path):
    lines = "a.wav,1,s", "b/a.wav,2,s-t", "c_d.wav,2,s", "c d.wav,3,", "ü.flac,3,"
    path = table("path,mos,speaker", *lines)
    write_data_dir(prepare(path)["my"], tmp_path / "data")


def test_tables_with_the_same_files_do_not_collide(table):
    path = table("path,mos", "a.wav,3.5")
    ids = {prepare(path, set_prefix=name)[name][0].utt_id for name in ("one", "two")}
    assert ids == {"one-a", "two-a"}
    with pytest.raises(DataError, match="set_prefix 'a b'"):
        prepare(path, set_prefix="a b")


@pytest.mark.parametrize(
    "line, message",
    [
        ("a.wav,", "no mos"),
        (",3", "no path"),
        ("a.wav,three", "mos 'three' is not a number"),
        ("a.wav,nan", "mos 'nan' is not a number"),
        ("a.wav,6", "outside 1..5"),
        ("z.wav,3", "no such file"),
        ("b/a.wav,4", "line 2 already"),
        ("a.wav", "not 2 fields"),
        ("a.wav,3,4", "not 2 fields"),
    ],
)
def test_refuses_a_bad_line_by_its_number(table, line, message):
    with pytest.raises(DataError) as error:
        prepare(table("path,mos", "b/a.wav,4", line, "c d.wav,2"))
    assert message in str(error.value)
    assert "line 3" in str(error.value) and "my.csv" in str(error.value)


def test_skips_bad_lines_only_when_told_and_says_which(table, caplog):
    path = table("path,mos", "a.wav,4", "z.wav,3")
    assert len(prepare(path, skip_bad_clips=True)["my"]) == 1
    assert "line 3: z.wav: no such file" in caplog.text


def test_refuses_a_bad_table(table, tmp_path):
    with pytest.raises(DataError, match="no such file"):
        prepare(tmp_path / "none.csv")
    with pytest.raises(DataError, match=r"no column mos in the header \(path, score\)"):
        prepare(table("path,score", "a.wav,3"))
    with pytest.raises(DataError, match="no column path and mos"):
        prepare(table("path;mos", "a.wav;3"))
    with pytest.raises(DataError, match="no lines"):
        prepare(table("path,mos"))
    with pytest.raises(DataError, match="UTF-8"):
        prepare(table("path,mos", "ü.flac,3", encoding="latin-1"))
    with pytest.raises(DataError, match="split 'a b'"):
        prepare(table("path,mos,split", "a.wav,3,a b"))


def test_says_which_columns_are_not_used(table, caplog):
    prepare(table("path,mos,sytem", "a.wav,3,x"))
    assert "columns not used: sytem" in caplog.text


def test_one_clip_under_several_spellings_is_refused(table, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "b")
    lines = "b/a.wav,3,train", "./b/a.wav,3,valid", "c d.wav,3,train"
    for other in ("b/../b/a.wav", str(tmp_path / "b/a.wav"), "link/a.wav", "b//a.wav"):
        path = table("path,mos,split", *lines[::2], f"{other},3,test")
        for skip in (False, True):
            with pytest.raises(DataError, match="line 4: .*line 2 already"):
                prepare(path, skip_bad_clips=skip)


def test_ratings_become_their_mean(table):
    path = table(
        "path,mos,listener,system",
        *("a.wav,5,x,s", "b/a.wav,2,x,t", "./a.wav,1,y,s", "a.wav,1,z,s"),
    )
    first, second = prepare(path)["my"]
    assert (first.mos, first.votes) == (pytest.approx(7 / 3), 3)
    assert first.mos_std == pytest.approx(np.std([5, 1, 1], ddof=1))
    assert (second.mos, second.votes, second.mos_std) == (2.0, 1, None)
    for skip in (False, True):
        with pytest.raises(DataError, match="line 3: a.wav, x: this is on line 2"):
            prepare(table("path,mos,listener", "a.wav,5,x", "a.wav,4,x"), None, skip)
    with pytest.raises(DataError, match="line 3: a.wav: system 't', but 's' on line 2"):
        prepare(table("path,mos,listener,system", "a.wav,5,x,s", "a.wav,4,y,t"))
    with pytest.raises(DataError, match="leave them empty"):
        prepare(table("path,mos,listener,votes", "a.wav,5,x,3"))


def test_of_several_labels_none_is_chosen(table):
    path = table("path,mos", "a.wav,5", "a.wav,1", "a.wav,1")
    for skip in (False, True):
        with pytest.raises(DataError, match="line 2 already: .* take the mean"):
            prepare(path, skip_bad_clips=skip)
    assert len(prepare(table("path,mos", "a.wav,5", "a.wav,5"), None, True)["my"]) == 1
