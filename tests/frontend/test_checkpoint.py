import pytest
import torch

from espnet_samos.frontend.upstreams.checkpoint import (
    edit_checkpoints,
    keep_first_layers,
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
def test_gives_the_edited_content(tmp_path, zipped):
    path = tmp_path / "a.pt"
    torch.save(
        dict(a=torch.ones(3), b=torch.zeros(3)),
        path,
        _use_new_zipfile_serialization=zipped,
    )
    with edit_checkpoints(lambda content: content["a"]):
        assert torch.equal(torch.load(path), torch.ones(3))
    assert set(torch.load(path)) == {"a", "b"}


def test_what_is_left_out_takes_no_memory(tmp_path):
    path = tmp_path / "a.pt"
    torch.save(dict(kept=torch.ones(3), other=torch.ones(50_000_000)), path)
    grown = []

    def edit(content):
        grown.append(resident_bytes() - before)
        return content["kept"]

    with edit_checkpoints(edit):
        before = resident_bytes()
        torch.load(path)
    assert grown[0] < 50_000_000  # of 200 MB


def test_torch_load_is_itself_again_after_a_failure(tmp_path):
    load = torch.load
    path = tmp_path / "a.pt"
    path.write_text("<html>404</html>")
    with pytest.raises(ValueError, match="(?s)a.pt cannot be read.*delete it"):
        with edit_checkpoints(lambda content: content):
            torch.load(path)
    assert torch.load is load
