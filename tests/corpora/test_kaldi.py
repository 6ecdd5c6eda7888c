import pytest

from espnet_samos.corpora.data_dir import read_data_dir
from espnet_samos.utils.tables import DataError


def write(directory, **files):
    for name, text in files.items():
        (directory / name.replace("wav_scp", "wav.scp")).write_text(text)
    return directory


def test_reads_what_is_there(tmp_path):
    write(
        tmp_path,
        wav_scp="a /some/a b.wav\nb /b.wav\n",
        mos="a 3.5\nb good\n",
        utt2sys="a s1\nb s2\n",
    )
    a, b = read_data_dir(tmp_path)
    assert (a.utt_id, a.path, a.mos, a.system) == ("a", "/some/a b.wav", 3.5, "s1")
    assert a.speaker == "a" and a.mos_std is None
    assert b.mos == "good"  # for the writer to refuse
    other = write(tmp_path, other="a /new.wav\nb /b.wav\n") / "other"
    assert read_data_dir(tmp_path, other)[0].path == "/new.wav"


@pytest.mark.parametrize(
    "files, message",
    [
        (dict(wav_scp="a /a.wav\n", mos="a 3\n"), "no .*utt2sys: write one"),
        (dict(wav_scp="a /a.wav\n", utt2sys="a s\n"), "no .*mos: write one"),
        (dict(wav_scp="a\n", mos="a 3\n", utt2sys="a s\n"), "wav.scp.*\n.*line 1"),
        (
            dict(wav_scp="a /a.wav\n", mos="a 3\na 4\n", utt2sys="a s\n"),
            "mos.*\n.*a: appears twice",
        ),
        (
            dict(wav_scp="a /a.wav\n", mos="a 3\nc 4\n", utt2sys="a s\n"),
            "mos: c is not in wav.scp",
        ),
    ],
)
def test_refuses_and_names(tmp_path, files, message):
    with pytest.raises(DataError, match=message):
        read_data_dir(write(tmp_path, **files))


def test_labels_of_metric_scp(tmp_path):
    (tmp_path / "wav.scp").write_text("a /a.wav\nb /b.wav\n")
    (tmp_path / "utt2sys").write_text("a x\nb x\n")
    metrics = tmp_path / "metric.scp"
    metrics.write_text('a {"mos": 3.25, "pesq": 1.1}\nb {"mos": 4}\n')
    assert [clip.mos for clip in read_data_dir(tmp_path)] == [3.25, 4.0]
    for wrong in ('{"pesq": 2}', '{"mos": "good"}', "3.5", '{"mos": NaN}', "{"):
        metrics.write_text(f'a {{"mos": 3}}\nb {wrong}\n')
        with pytest.raises(DataError, match='b: no number "mos"'):
            read_data_dir(tmp_path)
    # labels of its own come first
    (tmp_path / "mos").write_text("a 1\nb 2\n")
    assert [clip.mos for clip in read_data_dir(tmp_path)] == [1.0, 2.0]
