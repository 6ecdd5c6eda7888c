import pytest
import yaml

from espnet_samos.bin.merge_config import main
from espnet_samos.utils.config import merge


def write(path, config):
    path.write_text(yaml.safe_dump(config))
    return str(path)


def test_later_files_win_key_by_key(tmp_path):
    a = write(tmp_path / "a.yaml", {"optim_conf": {"lr": 1, "eps": 2}, "seed": 3})
    b = write(tmp_path / "b.yaml", {"optim_conf": {"lr": 5}, "head": None})
    out = tmp_path / "exp/train.yaml"
    main([a, b, "--output", str(out)])
    merged = {"optim_conf": {"lr": 5, "eps": 2}, "seed": 3, "head": None}
    assert yaml.safe_load(out.read_text()) == merged
    main([a, b, "--output", str(out), "--keys", "seed", "absent"])
    assert yaml.safe_load(out.read_text()) == {"seed": 3}


def test_null_replaces_a_dictionary():
    assert merge({"conf": {"a": 1}}, {"conf": None}) == {"conf": None}


def test_kept_file_is_not_touched_or_changed(tmp_path, capsys):
    a = write(tmp_path / "a.yaml", {"seed": 1, "max_epoch": 2})
    out = tmp_path / "train.yaml"
    main([a, "--output", str(out), "--keep"])
    before = out.stat().st_mtime_ns
    main([a, "--output", str(out), "--keep"])
    assert out.stat().st_mtime_ns == before
    b = write(tmp_path / "b.yaml", {"seed": 1, "max_epoch": 3})
    with pytest.raises(SystemExit):
        main([b, "--output", str(out), "--keep"])
    assert "different: max_epoch" in capsys.readouterr().err
    assert yaml.safe_load(out.read_text())["max_epoch"] == 2


@pytest.mark.parametrize("text", [None, "- a list\n"])
def test_bad_file_is_named(tmp_path, capsys, text):
    path = tmp_path / "bad.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SystemExit):
        main([str(path), "--output", str(tmp_path / "out.yaml")])
    assert "bad.yaml" in capsys.readouterr().err
