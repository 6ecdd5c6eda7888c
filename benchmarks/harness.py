"""What the benchmarks share: fair comparisons, and tables that say how they came about.

Variants take turns, so that whatever else the machine does meets all of them; what
counts is each one's median, and the ratios of these.
"""

import ctypes
import datetime
import gc
import os
import shlex
import statistics
import sys
import threading
import time
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence

import torch
from torch.profiler import ProfilerActivity, profile

from espnet_samos.utils.environment import machine

PAGE = os.sysconf("SC_PAGE_SIZE")
PROFILED = 12  # operators
NAME = 90  # characters of one; those of kernels have hundreds


class Figures(NamedTuple):
    """What a variant took.

    Attributes:
        name: What the table calls it.
        seconds: Median over the repetitions.
        memory: Peak while it ran, above what was there before, in GB.
    """

    name: str
    seconds: float
    memory: float


def resident() -> float:
    """Return this process's resident memory in GB, without pages of mapped files."""
    _, total, shared, *_ = Path("/proc/self/statm").read_text().split()
    return (int(total) - int(shared)) * PAGE / 1e9


def give_back() -> None:
    """Return freed memory to the system, which would hide what is taken next."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # of glibc


@contextmanager
def peak_memory(device: str) -> Iterator[List[float]]:
    """Measure the peak of memory, in GB above what there is at the beginning.

    On a GPU it is what PyTorch allocates there, elsewhere the resident memory, looked
    at every few milliseconds.

    Yields:
        A list that has the figure afterwards.
    """
    result: List[float] = []
    if device.startswith("cuda"):
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        yield result
        torch.cuda.synchronize()
        result.append((torch.cuda.max_memory_allocated() - before) / 1e9)
        return
    give_back()
    before = peak = resident()
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.003):
            peak = max(peak, resident())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield result
    finally:
        done.set()
        thread.join()
    result.append(max(peak, resident()) - before)


def noise(*shape: int) -> torch.Tensor:
    """Make white noise of -20 dB RMS, other noise in every run."""
    generator = torch.Generator()
    generator.seed()
    return 0.1 * torch.randn(*shape, generator=generator)


def compare(
    variants: Dict[str, Callable[[], object]], repetitions: int, device: str = "cpu"
) -> List[Figures]:
    """Run variants in turns, each once before it counts.

    Args:
        variants: What to run, by name.
        repetitions: How often each counts.
        device: `cpu`, or the GPU that they run on.
    """
    memory = {}
    for name, work in variants.items():
        with peak_memory(device) as peak:
            work()
        memory[name] = peak[0]
    seconds: Dict[str, List[float]] = {name: [] for name in variants}
    for _ in range(repetitions):
        for name, work in variants.items():
            start = time.perf_counter()
            work()
            if device.startswith("cuda"):
                torch.cuda.synchronize()
            seconds[name].append(time.perf_counter() - start)
    return [
        Figures(name, statistics.median(seconds[name]), memory[name])
        for name in variants
    ]


def training_step(
    module: torch.nn.Module, loss: Callable[[], torch.Tensor], device: str, fast: bool
) -> Callable[[], None]:
    """Return a function that trains one step: forward, backward and Adam.

    Args:
        module: Whose parameters are trained.
        loss: Gives the loss of a batch.
        device: Where all of it is.
        fast: Compute in bfloat16, on a GPU, and with a fused optimiser.
    """
    parameters = [p for p in module.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=1e-4, fused=fast)

    def step() -> None:
        module.train()
        optimizer.zero_grad()
        with autocast(device, fast):
            value = loss()
        value.backward()
        optimizer.step()

    return step


def autocast(device: str, enabled: bool) -> AbstractContextManager:
    """Compute in bfloat16 on a GPU, where that is enabled."""
    if enabled and device.startswith("cuda"):
        return torch.autocast("cuda", torch.bfloat16)
    return nullcontext()


def heading(
    title: str,
    module: str,
    device: str = "cpu",
    arguments: Optional[Sequence[str]] = None,
) -> str:
    """Write what was measured, when, where and by which command.

    Args:
        title: Of the section.
        module: The benchmark's name.
        device: Where it ran.
        arguments: Those of the command; by default this process's.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    command = shlex.join(["python", "-m", f"benchmarks.{module}", *arguments])
    place = machine()
    if device.startswith("cuda"):
        place = f"{torch.cuda.get_device_name(device)}, {place}"
    else:
        place += ", no GPU"
    return (
        f"### {title}\n\n{datetime.date.today()}, {place}, {torch.get_num_threads()} "
        f"thread(s), PyTorch {torch.__version__}, load average "
        f"{os.getloadavg()[0]:.1f} at the start, `{command}`:\n"
    )


def table(rows: Sequence[Figures], clips: int) -> str:
    """Compare variants to the first of them, as Markdown.

    Args:
        rows: What `compare` gave.
        clips: How many clips each of them dealt with.
    """
    lines = [
        "| | seconds | clips a second | times | peak memory, GB |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        lines.append(
            f"| {row.name} | {row.seconds:.3g} | {clips / row.seconds:.3g} | "
            f"{rows[0].seconds / row.seconds:.2f} | {row.memory:.2f} |"
        )
    return "\n".join(lines) + "\n"


def profiled(work: Callable[[], object], device: str = "cpu") -> str:
    """Show where the time of a variant goes: a CPU's operators, or a GPU's kernels.

    A GPU runs it once before, and a line says for how long it had something to do.
    """
    on_gpu = device.startswith("cuda")
    if on_gpu:
        work()
        torch.cuda.synchronize()
    activity = ProfilerActivity.CUDA if on_gpu else ProfilerActivity.CPU
    start = time.perf_counter()
    with profile(activities=[activity]) as profiler:
        work()
        if on_gpu:
            torch.cuda.synchronize()
        seconds = time.perf_counter() - start
    rows = [
        (row.self_device_time_total if on_gpu else row.self_cpu_time_total, row)
        for row in profiler.key_averages()
    ]
    total = sum(took for took, _ in rows)
    rows.sort(key=lambda row: -row[0])
    lines = ["| operator | share | calls |", "| --- | ---: | ---: |"]
    for took, row in rows[:PROFILED]:
        share = f"{100 * took / total:.1f} %"
        lines.append(f"| `{row.key[:NAME]}` | {share} | {row.count} |")
    if on_gpu:
        busy = f"busy for {total / 1e6:.4f} of {seconds:.4f} s"
        lines.append(f"\nThe GPU was {busy}.")
    return "\n".join(lines) + "\n"
