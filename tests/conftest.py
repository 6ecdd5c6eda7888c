"""What tests of several folders use."""

import subprocess

import pytest


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 2 MB, to be filled."""
    directory = tmp_path / "disk"
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(directory)]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting a small file system is not allowed here")
    yield directory
    subprocess.run(["umount", "--lazy", str(directory)], check=True)
