"""Whole-or-nothing file writing, merging of configurations, and this machine in words.

No torch here.
"""

import errno
import functools
import os
import platform
from pathlib import Path
from typing import Callable, Sequence, Union

import yaml

# no space, no quota, or larger than a file may be
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_text(path: Union[Path, str], text: str) -> None:
    """Write a file, in UTF-8, that is never seen half written.

    Raises:
        OSError: It cannot be written; what was there before stays.
    """
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.tmp")
    try:
        unfinished.write_text(text, encoding="utf-8")
        os.replace(unfinished, path)
    except OSError as e:
        unfinished.unlink(missing_ok=True)
        raise OSError(e.errno, e.strerror, str(path)) from e


def full_disk(error: BaseException) -> bool:
    """Tell whether an error comes from a disk, a quota or a file that is full."""
    if isinstance(error, OSError):
        return error.errno in FULL
    # torch.save finds its archive shorter than it wrote it; shared memory is a disk
    return isinstance(error, RuntimeError) and any(
        text in str(error)
        for text in ("unexpected pos", "file write failed", os.strerror(errno.ENOSPC))
    )


def explain_full_disk(main: Callable) -> Callable:
    """Have a command end with what to do where the disk is full."""

    @functools.wraps(main)
    def explained(*args, **kwargs):
        try:
            return main(*args, **kwargs)
        except OSError as e:
            if not full_disk(e):
                raise
            raise SystemExit(
                f"error: cannot write {e.filename or 'a file'} ({e.strerror}): free "
                "space there, and run the same command again. What was finished is "
                "kept"
            ) from e

    return explained


def merge(base: dict, other: dict) -> dict:
    """Put `other` over `base`; dictionaries are merged key by key."""
    merged = dict(base)
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            value = merge(merged[key], value)
        merged[key] = value
    return merged


def merge_files(paths: Sequence[str]) -> dict:
    """Merge YAML files, a later one over an earlier.

    Raises:
        ValueError: A file is missing or is not a YAML dictionary.
    """
    merged = {}
    for path in paths:
        if not Path(path).is_file():
            raise ValueError(f"no such configuration file: {path}")
        config = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise ValueError(f"{path} is not a YAML dictionary of options")
        merged = merge(merged, config)
    return merged


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
