import pytest
import torch

from espnet_samos.frontend.upstreams.checkpoint import (
    keep_first_layers,
    read_checkpoint,
)


def test_keeps_the_first_layers_and_what_is_not_a_layer():
    names = ["encoder.layers.0.w", "encoder.layers.1.w", "encoder.layers.10.w", "proj"]
    weights = dict.fromkeys(names)
    assert list(keep_first_layers(weights, "encoder.layers.", 1)) == [
        "encoder.layers.0.w",
        "proj",
    ]
    assert list(keep_first_layers(weights, "encoder.layers.", 11)) == names
    assert list(keep_first_layers(weights, "encoder.layers.", 0)) == ["proj"]


def resident_bytes():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * 4096


@pytest.mark.parametrize("zipped", [True, False])
def test_reads_files_old_and_new(tmp_path, zipped):
    path = tmp_path / "a.pt"
    torch.save(
        dict(a=torch.ones(3), b=torch.zeros(3)),
        path,
        _use_new_zipfile_serialization=zipped,
    )
    assert torch.equal(read_checkpoint(path)["a"], torch.ones(3))


def test_what_is_not_used_takes_no_memory(tmp_path):
    path = tmp_path / "a.pt"
    torch.save(dict(kept=torch.ones(3), other=torch.ones(50_000_000)), path)
    before = resident_bytes()
    content = read_checkpoint(path)
    assert torch.equal(content["kept"], torch.ones(3))
    assert resident_bytes() - before < 50_000_000  # of 200 MB


class Malice:
    def __reduce__(self):
        return (print, ("run",))


def test_nothing_in_a_file_is_run(tmp_path, capsys):
    torch.save(dict(model=Malice()), tmp_path / "a.pt")
    with pytest.raises(ValueError, match="a.pt cannot be read"):
        read_checkpoint(tmp_path / "a.pt")
    assert "run" not in capsys.readouterr().out.split()


def test_what_is_no_checkpoint_is_named(tmp_path):
    path = tmp_path / "a.pt"
    path.write_text("<html>404</html>")
    with pytest.raises(ValueError, match="a.pt cannot be read.*download it again"):
        read_checkpoint(path)
