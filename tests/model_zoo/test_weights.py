import os
import pickle
import zipfile

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from espnet_samos.model_zoo.weights import WeightsError, read_weights


class Evil:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.system, (f"touch {self.target}",)


class EvilState:
    """Would be given a state when it is unpickled."""

    def __setstate__(self, state):
        raise AssertionError("it was run")


def small_model():
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    model.register_buffer("short_float", torch.ones(2, dtype=torch.bfloat16))
    # two weights in one storage, which are not contiguous
    shared = torch.arange(12.0).reshape(3, 4)
    model.register_buffer("columns", shared[:, 1:3])
    model.register_buffer("transposed", shared.T)
    return model


def replace_record(archive, target, name, content):
    """Copy a zip archive with one record replaced."""
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            found = info.filename.endswith(name)
            new.writestr(info, content if found else old.read(info))
    return target


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "model.pt"
    torch.jit.save(torch.jit.trace(small_model().eval(), torch.zeros(1, 3)), path)
    return path


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, x in expected.items():
        assert found[name].dtype == x.dtype, name
        torch.testing.assert_close(found[name], x, rtol=0, atol=0)


def test_torchscript_gives_what_torch_jit_gives(archive):
    expected = torch.jit.load(archive).state_dict()
    assert len(expected) == 10
    assert_same(read_weights(archive), expected)


@pytest.mark.parametrize("prefix", ["", "module.", "model."])
def test_state_dict_without_the_prefix_of_a_wrapper(tmp_path, prefix):
    expected = small_model().state_dict()
    path = tmp_path / "model.pth"
    torch.save({prefix + name: x for name, x in expected.items()}, path)
    assert_same(read_weights(path), expected)


def test_a_prefix_that_some_names_have_is_part_of_them(tmp_path):
    weights = {"model.a": torch.ones(1), "b": torch.ones(1)}
    torch.save(weights, tmp_path / "model.pth")
    assert_same(read_weights(tmp_path / "model.pth"), weights)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("form", ["torchscript", "state_dict", "old_state_dict"])
def test_code_in_a_checkpoint_is_refused_and_not_run(archive, tmp_path, form, protocol):
    path, target = tmp_path / "evil.pt", tmp_path / "was_run"
    evil = pickle.dumps({"weight": Evil(target)}, protocol=protocol)
    if form == "torchscript":
        replace_record(archive, path, "/data.pkl", evil)
    else:
        torch.save(
            {"weight": Evil(target)},
            path,
            pickle_protocol=protocol,
            _use_new_zipfile_serialization=form == "state_dict",
        )
    # PyTorch's reader of state dicts stops before the name in the newer protocol
    named = form == "torchscript" or protocol == 2
    reason = r"it calls posix\.system" if named else "it holds something else"
    with pytest.raises(WeightsError, match=rf"evil\.pt is refused: {reason}"):
        read_weights(path)
    assert not target.exists()


@pytest.mark.parametrize(
    "thing", [EvilState(), torch.nn.Linear(1, 1), eval, torch.load]
)
def test_no_other_object_is_made(archive, tmp_path, thing):
    path = tmp_path / "model.pt"
    replace_record(archive, path, "/data.pkl", pickle.dumps({"a": thing}, protocol=2))
    with pytest.raises(WeightsError, match="it calls "):
        read_weights(path)


def test_attributes_of_an_archive_cannot_replace_methods(archive, tmp_path):
    """A module's attributes are kept apart from those of the object for it."""
    evil = (
        b"\x80\x02c__torch__\nModel\n)\x81}X\x0c\x00\x00\x00__setstate__"
        b"X\x01\x00\x00\x00xsX\x09\x00\x00\x00__class__X\x01\x00\x00\x00ysb."
    )
    path = replace_record(archive, tmp_path / "model.pt", "/data.pkl", evil)
    with pytest.raises(WeightsError, match="no weights"):
        read_weights(path)


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "cannot be read"),
        (b"hello world", "cannot be read"),
        (pickle.dumps(3, protocol=2), "cannot be read"),
        ([torch.ones(1)], "holds a list, not a state dict"),
        ({"epoch": 3, "weights": {"a": torch.ones(1)}}, "epoch, weights is not a"),
        ({}, "no weights in it"),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    path = tmp_path / "model.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(WeightsError, match=rf"model\.pth.*{message}"):
        read_weights(path)


@settings(max_examples=30, deadline=None)
@given(where=st.floats(0, 1, exclude_max=True))
@example(where=0.0)
@example(where=0.0002)
def test_a_truncated_archive_is_refused(archive, tmp_path_factory, where):
    path = tmp_path_factory.mktemp("truncated") / "model.pt"
    content = archive.read_bytes()
    path.write_bytes(content[: int(where * len(content))])
    # three bytes are no archive yet
    why = r"cannot be read.*incomplete|is refused: it holds something else"
    with pytest.raises(WeightsError, match=rf"model\.pt ({why})"):
        read_weights(path)


def test_a_record_that_is_too_short_is_refused(archive, tmp_path):
    path = replace_record(archive, tmp_path / "model.pt", "/data/0", b"12")
    with pytest.raises(WeightsError, match="cannot be read"):
        read_weights(path)


def test_another_byte_order_is_refused(archive, tmp_path):
    path = replace_record(archive, tmp_path / "model.pt", "/byteorder", b"big")
    with pytest.raises(WeightsError, match="big-endian"):
        read_weights(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.pt"):
        read_weights(tmp_path / "nothing.pt")
