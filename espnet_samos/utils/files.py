"""Whole-or-nothing file writing."""

import contextlib
import errno
import functools
import hashlib
import os
from pathlib import Path
from typing import Callable, Iterator, List, Union

# no space, no quota, or larger than a file may be
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def whole_file(path: Union[Path, str]) -> Iterator[Path]:
    """Yield where to write a file that is then never seen half written.

    Args:
        path: Where the file will be; its name is kept, but for what stands before it.

    Raises:
        OSError: It cannot be written; what was there before stays.
    """
    path = Path(path)
    unfinished = path.with_name(f".unfinished-{path.name}")
    try:
        yield unfinished
        os.replace(unfinished, path)
    except OSError as e:
        raise OSError(e.errno, e.strerror, str(path)) from e
    finally:
        unfinished.unlink(missing_ok=True)


def add_file(digest: "hashlib._Hash", path: Union[Path, str]) -> "hashlib._Hash":
    """Add a file's content to a digest, and return that."""
    with open(path, "rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest


def write_text(path: Union[Path, str], text: str) -> None:
    """Write a file, in UTF-8, that is never seen half written.

    Raises:
        OSError: It cannot be written; what was there before stays.
    """
    with whole_file(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def full_disk(error: BaseException) -> bool:
    """Return whether an error comes from a disk, a quota or a file that is full."""
    if isinstance(error, OSError):
        return error.errno in FULL
    # torch.save finds its archive shorter than it wrote it; shared memory is a disk
    return isinstance(error, RuntimeError) and any(
        text in str(error)
        for text in ("unexpected pos", "file write failed", os.strerror(errno.ENOSPC))
    )


def explain_full_disk(main: Callable) -> Callable:
    """Make a command exit with a hint where the disk is full."""

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


def printable(name: object) -> str:
    r"""Return a file's name as a line of text: `caf\xe9.wav`, where it is not UTF-8."""
    escaped = str(name).encode("utf-8", "surrogateescape")
    text = escaped.decode("utf-8", "backslashreplace")
    # line feeds, escapes to terminals and the like
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def split_lines(text: str) -> List[str]:
    """Split a text at line feeds, and at nothing else, without a byte-order mark.

    `str.splitlines` also splits at form feeds, U+0085 and U+2028, which the name of a
    file may have.
    """
    lines = text.removeprefix("\ufeff").split("\n")
    return [line.removesuffix("\r") for line in lines]
