"""What a command takes: seconds, memory and its output."""

import json
import subprocess
import sys
import tempfile
import time
from typing import Dict, List, NamedTuple, Optional, Sequence

# A process of its own starts the command: a child's peak memory begins with that of the
# process that started it, and a benchmark may have PyTorch loaded.
LAUNCHER = """
import json, resource, subprocess, sys
status = subprocess.run(sys.argv[2:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
figures = [status, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6]
open(sys.argv[1], "w").write(json.dumps(figures))
"""


class Used(NamedTuple):
    """What a command took.

    Attributes:
        status: Its exit status.
        seconds: From its start to its end.
        cpu_seconds: Of all its threads.
        memory: Its peak, in MB.
        lines: What it printed.
    """

    status: int
    seconds: float
    cpu_seconds: float
    memory: float
    lines: List[str]


def run(command: Sequence[str], env: Optional[Dict[str, str]] = None) -> Used:
    """Run a command; what it prints on standard error is left out."""
    with tempfile.TemporaryDirectory() as directory:
        report = f"{directory}/figures.json"
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-S", "-c", LAUNCHER, report, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=env,
        )
        seconds = time.perf_counter() - start
        with open(report, encoding="utf-8") as file:
            status, cpu_seconds, memory = json.load(file)
    return Used(status, seconds, cpu_seconds, memory, done.stdout.splitlines())
