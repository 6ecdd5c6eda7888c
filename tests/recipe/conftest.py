"""The recipe's steps start in a warm interpreter: see `tests/warm/server.py`."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.recipe.small import ROOT

WARM = ROOT / "tests/warm"


@pytest.fixture(scope="session", autouse=True)
def warm_python(tmp_path_factory):
    """Give recipes an environment whose python3 hands its work to a warm one."""
    folder = tmp_path_factory.mktemp("warm")
    real = Path(os.environ.get("VENV", ROOT / ".venv"))
    programs = folder / "venv/bin"
    programs.mkdir(parents=True)
    for path in (real / "bin").iterdir():
        if not path.name.startswith("python"):
            (programs / path.name).symlink_to(path)
    for name in ("python", "python3"):
        # without site-packages it starts in no time
        (programs / name).write_text(
            f"#!/bin/sh\nexec {sys.executable} -S -E {WARM / 'client.py'} \"$@\"\n"
        )
        (programs / name).chmod(0o755)
    address = folder / "socket"
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, WARM / "server.py", address], stdout=log, stderr=log
        )
    before = os.environ.copy()
    os.environ.update(
        VENV=str(folder / "venv"),
        WARM_SERVER=str(address),
        WARM_PYTHON=sys.executable,
    )
    while not address.exists():
        assert server.poll() is None, (folder / "log").read_text()
        time.sleep(0.1)
    yield
    os.environ.clear()
    os.environ.update(before)
    server.terminate()
    server.wait()
