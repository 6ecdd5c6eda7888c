"""Files that are there as a whole or not at all."""

import errno
import multiprocessing

import pytest

from espnet_samos.utils.files import explain_full_disk, write_text
from tests.train.small import limit_file_size


def test_write_text(tmp_path):
    write_text(tmp_path / "a", "ä\n")
    assert (tmp_path / "a").read_bytes() == "ä\n".encode()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def _write_too_much(path):
    limit_file_size(100)

    @explain_full_disk
    def main():
        write_text(path, "x" * 1000)

    with pytest.raises(SystemExit, match=f"cannot write {path} .*: free space"):
        main()


def test_full_disk_leaves_what_was_there(tmp_path):
    path = tmp_path / "a"
    path.write_text("before")
    process = multiprocessing.get_context("fork").Process(
        target=_write_too_much, args=(path,)
    )
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert path.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_other_errors_are_not_explained():
    @explain_full_disk
    def main():
        raise PermissionError(errno.EACCES, "no", "a")

    with pytest.raises(PermissionError):
        main()
