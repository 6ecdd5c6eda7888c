import numpy as np
import pytest
import soundfile

from espnet_samos.bin.mos_prepare import main


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
    assert lines[1][:5] == ["my_train", "2", "0.3", "2", "2.00"]
    assert lines[2][:5] == ["my_dev", "1", "0.2", "1", "4.00"]
    assert " ".join(lines[1][5:]) == "1.50-2.50 1 at 16, 1 at 48"
    for name in ("my_train", "my_dev"):
        assert (tmp_path / name / "wav.scp").is_file()
        # The user's labels are their own: no note
        assert not (tmp_path / name / "label_note").exists()


@pytest.mark.parametrize(
    "options, message",
    [
        (["--corpus", "csv"], "missing a required argument: 'table'"),
        (["--corpus", "csv", "--table", "t", "--size", "tiny"], "'size'"),
        (["--corpus", "mini", "--table", "t"], "'table'"),
        (["--corpus", "unknown"], "invalid choice"),
    ],
)
def test_refuses_options_of_another_corpus(options, message, capsys):
    with pytest.raises(SystemExit):
        main(options)
    assert message in capsys.readouterr().err


def test_general_options_suit_any_corpus(table, tmp_path, caplog):
    table.write_text(table.read_text() + "gone.wav,3,a,dev\n")
    options = ["--corpus", "csv", "--table", str(table), "--nj", "2"]
    options += ["--output_dir", str(tmp_path)]
    with pytest.raises(SystemExit, match="line 5: no such file"):
        main(options)
    main([*options, "--skip_bad_clips", "true"])
    assert "line 5: no such file" in caplog.text
    assert len((tmp_path / "my_dev/mos").read_text().splitlines()) == 1
