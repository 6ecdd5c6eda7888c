"""Run everything that needs a GPU, the most important first.

    python -m benchmarks.gpu
    python -m benchmarks.gpu --device cpu --size tiny     (tries the script itself)
    python -m benchmarks.gpu --requirements               (packages beside PyTorch)

Each check is a process of its own with its own time limit; one that fails is reported
and the next one runs. Results go to `benchmarks/results/`, as JSON and as a table,
after each check: what was measured is kept, whatever comes after it. Exit status 1
where a check failed; a target that is missed is only reported.
"""

import argparse
import datetime
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

import torch

from benchmarks.report import Finding
from benchmarks.requirements import requirements
from espnet_samos.mos.device import check_device
from espnet_samos.utils.environment import machine

RESULTS = Path(__file__).parent / "results"
ROOT = Path(__file__).parents[1]
LOG_LINES = 15


class Check(NamedTuple):
    """One check.

    Attributes:
        name: What the table calls it.
        module: The benchmark.
        paper: Its options at the sizes of the paper.
        tiny: Its options for trying the script; None leaves it out.
        seconds: Its time limit.
    """

    name: str
    module: str
    paper: str
    tiny: Optional[str]
    seconds: int


CHECKS = (
    Check("scores, float32", "device_scores", "--only float32", "--only float32", 120),
    Check(
        "scores, bfloat16", "device_scores", "--only bfloat16", "--only bfloat16", 90
    ),
    Check(
        "SSL features",
        "ssl_features",
        "--clips 64 --batch_sizes 16 32 64",
        "--clips 2 --batch_sizes 1 2 --repetitions 1",
        120,
    ),
    Check(
        "training step",
        "training_step",
        "--batch_size 64 --repetitions 5",
        "--batch_size 1 --repetitions 1",
        90,
    ),
    Check(
        "spectrogram branch",
        "spectrogram_branch",
        "--batch_size 64",
        "--batch_size 1 --repetitions 1",
        60,
    ),
    Check(
        "epochs, ESPnet's trainer",
        "training_epoch",
        "--num_workers 8",
        "--utterances 4 --batch_size 2 --num_workers 1 --epochs 1",
        90,
    ),
    Check(
        "samos score",
        "score_files",
        "--num_files 200 --hours 0",
        "--num_files 10 --hours 0",
        60,
    ),
    Check("gradients of mos_score", "device_scores", *2 * ["--only gradients"], 60),
    Check(
        "SSL features, compiled",
        "ssl_features",
        "--clips 64 --batch_sizes 64 --compile",
        None,
        150,
    ),
    Check(
        "training step, compiled",
        "training_step",
        "--batch_size 64 --compile",
        None,
        120,
    ),
)
WITH_CHECKPOINT = ("device_scores", "ssl_features", "training_step", "training_epoch")


def place(device: str) -> Dict[str, str]:
    """Describe where and with what this runs."""
    found = dict(
        device=machine(),
        pytorch=torch.__version__,
        python=sys.version.split()[0],
        date=datetime.datetime.now().isoformat(timespec="minutes"),
        commit=_output("git", "-C", str(ROOT), "describe", "--always", "--dirty"),
    )
    if device.startswith("cuda"):
        found["card"] = torch.cuda.get_device_name(device)
        found["driver"] = _output(
            *("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")
        )
    return found


def _output(*command: str) -> str:
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return run.stdout.strip()


def run_check(
    check: Check, args: argparse.Namespace, folder: Path, seconds: float
) -> Dict[str, Any]:
    """Run a check in a process of its own.

    Returns:
        `status` (`ok`, `failed`, `out of time`), `seconds`, what `Report` wrote, and
        the end of the log where it is not `ok`.
    """
    options = shlex.split(check.paper if args.size == "2b" else check.tiny)
    if check.module in WITH_CHECKPOINT:
        options += ["--size", args.size, "--dir", str(args.dir or folder)]
    written = folder / "check.json"
    written.unlink(missing_ok=True)
    command = [sys.executable, "-W", "ignore", "-m", f"benchmarks.{check.module}"]
    command += ["--device", args.device, *options]
    start = time.perf_counter()
    log = folder / "log"
    with log.open("w", encoding="utf-8") as stderr:
        process = subprocess.Popen(
            [*command, "--json", str(written)],
            stderr=stderr,
            cwd=ROOT,
            start_new_session=True,
        )
        try:
            code = process.wait(seconds)
            status = "ok" if code == 0 else f"failed (exit status {code})"
        except subprocess.TimeoutExpired:
            status = f"out of time ({seconds:.0f} s)"
        finally:
            # its workers too
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
    result = dict(
        name=check.name,
        command=shlex.join(["python", "-m", *command[4:]]),
        status=status,
        seconds=round(time.perf_counter() - start, 1),
    )
    if written.is_file():
        result.update(json.loads(written.read_text(encoding="utf-8")))
    if status != "ok":
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        result["log"] = lines[-LOG_LINES:]
        print("\n".join(result["log"]), file=sys.stderr)
    return result


def table(where: Dict[str, str], results: List[Dict[str, Any]]) -> str:
    """Write the findings as Markdown."""
    lines = [
        ", ".join(f"{key} {value}" for key, value in where.items()) + ":\n",
        "| check | | measured | target | |",
        "| --- | --- | ---: | ---: | --- |",
    ]
    for result in results:
        if result["status"] != "ok":
            lines.append(f"| {result['name']} | **{result['status']}** | | | |")
        for row in result.get("findings", []):
            row = dict(row)
            target, met = row.pop("target"), row.pop("met")
            verdict = ("met" if met else "**missed**") if target else ""
            lines.append(
                f"| {result['name']} | {row['what']} | {Finding(**row).measured} | "
                f"{target} | {verdict} |"
            )
        for title, rows in result.get("tables", {}).items():
            for row in rows:
                speed = rows[0]["seconds"] / row["seconds"]
                lines.append(
                    f"| {result['name']} | {title}: {row['name']} | "
                    f"{row['clips_per_second']:.3g} clips/s, {speed:.2f} times, "
                    f"{row['memory']:.2f} GB | | |"
                )
    return "\n".join(lines) + "\n"


def get_parser() -> argparse.ArgumentParser:
    """Return the argument parser."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N or cpu")
    parser.add_argument(
        "--size", choices=("2b", "tiny"), default="2b", help="of the SSL model"
    )
    parser.add_argument("--only", nargs="+", help="benchmarks, like ssl_features")
    parser.add_argument(
        "--minutes", type=float, default=8.0, help="for all of it (default: 8)"
    )
    parser.add_argument(
        "--output", type=Path, default=RESULTS, help="folder of the results"
    )
    parser.add_argument("--dir", help="where to keep, or to find, the checkpoint")
    parser.add_argument(
        "--requirements",
        action="store_true",
        help="print what the checks import beside PyTorch, torchaudio and "
        "transformers, in the form that pip reads, and do nothing else",
    )
    return parser


def main() -> None:
    """Run the checks."""
    args = get_parser().parse_args()
    if args.requirements:
        print("\n".join(requirements()))
        return
    try:
        check_device(args.device)
    except ValueError as e:
        sys.exit(
            f"benchmarks.gpu: error: {e} (--device cpu --size tiny tries the script)"
        )
    where = place(args.device)
    kind = "gpu" if args.device.startswith("cuda") else args.device
    name = kind + ("" if args.size == "2b" else f"-{args.size}")
    target = args.output / f"{name}-{datetime.date.today()}"
    args.output.mkdir(parents=True, exist_ok=True)
    checks = [
        check
        for check in CHECKS
        if (not args.only or check.module in args.only)
        and (args.size != "tiny" or check.tiny is not None)
    ]
    end = time.monotonic() + 60 * args.minutes
    results: List[Dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for number, check in enumerate(checks, 1):
            print(f"[{number}/{len(checks)}] {check.name}", file=sys.stderr, flush=True)
            seconds = min(check.seconds, end - time.monotonic())
            if seconds > 0:
                results.append(run_check(check, args, Path(folder), seconds))
            else:
                results.append(
                    dict(name=check.name, status="not run: the time is up", seconds=0)
                )
            content = dict(where, checks=results)
            target.with_suffix(".json").write_text(json.dumps(content, indent=1))
            target.with_suffix(".md").write_text(table(where, results))
    print(f"\n{table(where, results)}")
    print(f"{target}.json, {target}.md", file=sys.stderr)
    sys.exit(any(result["status"] != "ok" for result in results))


if __name__ == "__main__":
    main()
