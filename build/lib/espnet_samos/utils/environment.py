"""This machine and the software on it, in words."""

import os
import platform
import subprocess
import sys
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Dict


def machine() -> str:
    """Describe this machine: its processor and the cores that may be used."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    # There is no affinity to ask for but on Linux.
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count()
    return f"{name}, {cores} core{'s' if cores != 1 else ''}"


def environment() -> Dict[str, str]:
    """Describe what made the results, as the head of ESPnet's RESULTS.md does.

    Returns:
        Date, versions and, in a git checkout, the commit of the current folder.
    """
    try:
        git = subprocess.run(
            ["git", "log", "-1", "--format=%H (%cd)"], capture_output=True, text=True
        ).stdout.strip()
    except FileNotFoundError:  # git is not installed
        git = ""
    return {
        "date": datetime.now().astimezone().strftime("%a %b %d %H:%M:%S %Z %Y"),
        "python version": sys.version.replace("\n", " "),
        "espnet version": version("espnet"),
        "pytorch version": version("torch"),
        "git hash": git or "none: no git commit here",
    }
