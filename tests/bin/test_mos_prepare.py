import logging
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from espnet_samos.bin import samos
from espnet_samos.bin.mos_prepare import main
from espnet_samos.corpora.data_dir import DataDirSummary
from espnet_samos.corpora.prepare import format_summaries
from tests.corpora.layouts import make_audiomos_challenge, make_csv, make_pstn


@pytest.fixture
def table(tmp_path):
    for i, fs in enumerate((16000, 48000, 48000)):
        soundfile.write(tmp_path / f"{i}.wav", np.full(10 * fs, 0.1), fs)
    path = tmp_path / "my.csv"
    path.write_text(
        "path,mos,system,split\n0.wav,1.5,a,train\n1.wav,2.5,b,train\n2.wav,4,a,dev\n"
    )
    return path


def test_writes_and_sums_up_every_set(table, tmp_path, capsys):
    main(["--corpus", "csv", "--table", str(table), "--output_dir", str(tmp_path)])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1][:5] == ["my_train", "2", "0:00:20", "2", "2.00"]
    assert lines[2][:5] == ["my_dev", "1", "0:00:10", "1", "4.00"]
    assert " ".join(lines[1][5:]) == "1.50-2.50 1 at 16, 1 at 48"
    for name in ("my_train", "my_dev"):
        assert (tmp_path / name / "wav.scp").is_file()
        # The user's labels are their own: no note
        assert not (tmp_path / name / "label_note").exists()


def test_lengths_are_readable():
    summary = DataDirSummary(11020, 3600 * 27 + 62.4, {48000: 11020}, 9, 3, 1, 5, 0)
    assert "  27:01:02  " in format_summaries({"nisqa_train": summary})


def test_same_data_make_the_same_files(tmp_path):
    """So that local/data.sh sees that nothing has changed."""
    make_csv(tmp_path)
    contents = []
    for output_dir in (tmp_path / "a", tmp_path / "b"):
        options = ["--table", str(tmp_path / "my.csv"), "--output_dir", str(output_dir)]
        command = [sys.executable, "-m", "espnet_samos.bin.mos_prepare"]
        subprocess.run([*command, "--corpus", "csv", *options], check=True)
        files = sorted((output_dir / "my").iterdir())
        contents.append({path.name: path.read_bytes() for path in files})
    assert contents[0] == contents[1]
    assert contents[0]["labels.png"].startswith(b"\x89PNG")
    assert contents[0]["utt2votes"].splitlines()[0] == b"my-wav_0 3"
    table = tmp_path / "my.csv"
    table.write_text(table.read_text().replace("wav/0.wav,1", "wav/0.wav,3"))
    main(["--corpus", "csv", *options])
    assert (output_dir / "my/labels.png").read_bytes() != contents[0]["labels.png"]


@pytest.mark.parametrize(
    "options, message",
    [
        (["--corpus", "csv"], "missing a required argument: 'table'"),
        (["--corpus", "csv", "--table", "t", "--size", "tiny"], "'size'"),
        (["--corpus", "mini", "--table", "t"], "'table'"),
        (["--corpus", "nisqa", "--corpus_dir", ".", "--labels", "x"], "'labels'"),
        (["--corpus", "unknown"], "invalid choice"),
        (["--corpus", "csv", "--skip_bad_clips", "x"], "invalid boolean value: 'x'"),
    ],
)
def test_refuses_options_of_another_corpus(options, message, capsys):
    with pytest.raises(SystemExit):
        main(options)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("options", [[], ["--corpus_dir", "/gone"]])
def test_says_where_to_get_a_corpus_that_is_not_there(options, tmp_path):
    with pytest.raises(SystemExit, match="set TCD_VOIP in db.sh .*\n.*non-commercial"):
        main(["--corpus", "tcd_voip", "--output_dir", str(tmp_path), *options])


def test_says_when_clips_are_not_as_many_as_published(tmp_path, caplog):
    make_pstn(tmp_path / "corpus")
    options = ["--corpus_dir", str(tmp_path / "corpus"), "--output_dir", str(tmp_path)]
    main(["--corpus", "pstn", *options])
    assert "pstn_train has 4 clips; it was published with 58709" in caplog.text


def test_general_options_suit_any_corpus(table, tmp_path, caplog):
    table.write_text(table.read_text() + "gone.wav,3,a,dev\n")
    options = ["--corpus", "csv", "--table", str(table), "--nj", "2"]
    options += ["--output_dir", str(tmp_path)]
    with pytest.raises(SystemExit, match="line 5: gone.wav: no such file"):
        main(options)
    main([*options, "--skip_bad_clips", "true"])
    assert "line 5: gone.wav: no such file" in caplog.text
    assert len((tmp_path / "my_dev/mos").read_text().splitlines()) == 1


def test_samos_prepare_does_the_same(table, tmp_path, capsys, caplog):
    caplog.set_level(logging.ERROR)
    make_audiomos_challenge(tmp_path / "corpus")
    out = tmp_path / "out"
    corpus_dir = str(tmp_path / "corpus")
    options = ["audiomos", "--labels", "separate", "--output_dir"]
    main(["--corpus_dir", corpus_dir, "--corpus", *options, str(out / "mos_prepare")])
    for command in (
        ["prepare", *options, str(out / "samos"), corpus_dir],
        ["prepare", "csv", str(table), "--set_prefix", "own", "--output_dir", str(out)],
    ):
        with pytest.raises(SystemExit) as end:
            samos.main(command)
        assert end.value.code == 0
    assert (out / "own_train/wav.scp").is_file()
    difference = subprocess.run(["diff", "-r", out / "mos_prepare", out / "samos"])
    assert difference.returncode == 0
    capsys.readouterr()
    for command, message in (
        (["prepare", "bvcc", "/gone"], "no folder /gone: .*zenodo"),
        (["prepare", "csv", str(table), "--size", "tiny"], "'size'"),
    ):
        with pytest.raises(SystemExit) as end:
            samos.main(command)
        assert end.value.code == 1
        assert message.split(".*")[0] in capsys.readouterr().err


def test_samos_help_imports_neither_torch_nor_espnet():
    code = (
        "import sys; from espnet_samos.bin import samos; samos.get_parser(); "
        "print({m.split('.')[0] for m in sys.modules} & {'torch', 'espnet2'})"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert result.stdout.strip() == b"set()", result.stderr
