"""What tests of several folders use."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WARM = ROOT / "tests/warm"


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


@pytest.fixture(scope="session")
def warm_venv(tmp_path_factory):
    """An environment whose python3 and samos hand their work to a warm interpreter.

    See `tests/warm/server.py`. A process that is killed by SIGKILL goes on in there:
    tests that do so need a cold one.
    """
    folder = tmp_path_factory.mktemp("warm")
    real = Path(os.environ.get("VENV", ROOT / ".venv"))
    programs = folder / "venv/bin"
    programs.mkdir(parents=True)
    for path in (real / "bin").iterdir():
        if not path.name.startswith(("python", "samos")):
            (programs / path.name).symlink_to(path)
    # without site-packages it starts in no time
    client = f"exec {sys.executable} -S -E {WARM / 'client.py'}"
    for name, module in (
        ("python", ""),
        ("python3", ""),
        ("samos", "-m espnet_samos.bin.samos"),
    ):
        (programs / name).write_text(f'#!/bin/sh\n{client} {module} "$@"\n')
        (programs / name).chmod(0o755)
    address = folder / "socket"
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, WARM / "server.py", address], stdout=log, stderr=log
        )
    os.environ.update(WARM_SERVER=str(address), WARM_PYTHON=sys.executable)
    while not address.exists():
        assert server.poll() is None, (folder / "log").read_text()
        time.sleep(0.1)
    yield folder / "venv"
    server.terminate()
    server.wait()
