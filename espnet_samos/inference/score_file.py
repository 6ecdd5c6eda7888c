"""A file of scores that a killed run goes on with. No torch here."""

import csv
import json
import os
from pathlib import Path
from typing import Iterator, List, Sequence, TextIO, TypeVar

from filelock import FileLock, Timeout

from espnet_samos.inference.output_formats import FORMATS
from espnet_samos.inference.result import MosResult

T = TypeVar("T")

RESUMABLE = ("csv", "json")  # those with a line for every clip, scored or not


def shard(items: Sequence[T], which: str) -> List[T]:
    """Return one part of a list, as a job of an array takes it.

    Args:
        items: The list; the parts together have every item once.
        which: `<number>/<count>`, the number from 1 on.

    Raises:
        ValueError: It is something else.
    """
    number, slash, count = which.partition("/")
    if not (slash and number.isdecimal() and count.isdecimal()):
        raise ValueError(f"shard '{which}' is not <number>/<count>, like 3/16")
    if not 1 <= int(number) <= int(count):
        raise ValueError(f"shard '{which}': the number can be 1 to {count}")
    return list(items[int(number) - 1 :: int(count)])


class ScoreFile:
    """Results as lines of a file, appended one by one.

    A line is whole or, after a run was killed, the last and cut off: then it is removed
    and its clip scored again.

    Args:
        path: The file.
        form: Its format, a name in `FORMATS`.
        names: The clips to score, in order.
        resume: Go on with what is there; without it the file must not exist.
        scores: Names of the model's further scores.

    Attributes:
        num_done: How many clips have their line already.

    Raises:
        FileExistsError: The file is there, and `resume` is not set.
        ValueError: The file is of other clips or another format, another process writes
            to it, or the format has no line for every clip.
    """

    def __init__(
        self,
        path: Path,
        form: str,
        names: Sequence[str],
        resume: bool,
        scores: Sequence[str] = (),
    ):
        if resume and form not in RESUMABLE:
            raise ValueError(f"--resume needs --format {' or '.join(RESUMABLE)}")
        self.path = path
        head, self.line, self.with_failed = FORMATS[form]
        self.head = head(scores)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.file: TextIO = open(path, "r+" if resume else "x", encoding="utf-8")
        except FileNotFoundError:
            self.file = open(path, "x+", encoding="utf-8")
        except FileExistsError:
            raise FileExistsError(
                f"{path} is there already: give --resume to go on with it, or remove it"
            ) from None
        # until this process ends, however it does
        self.lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=0)
        try:
            self.lock.acquire()
        except Timeout:
            raise ValueError(f"{path} is being written by another process") from None
        self.num_done = self._done(form, names) if resume else 0
        if self.head and self.file.tell() == 0:
            print(self.head, file=self.file, flush=True)

    def _done(self, form: str, names: Sequence[str]) -> int:
        """Cut off a line that is not whole, and count and check the others."""
        self._drop_last_line_if_cut()
        lines = (line.rstrip("\n") for line in self.file)
        if self.head and (first := next(lines, self.head)) != self.head:
            raise ValueError(
                f"{self.path} is no file of scores: it begins with '{first}'"
            )
        count = 0
        for name in _names(form, lines):
            if count == len(names) or name != names[count]:
                raise ValueError(
                    f"{self.path} is of other clips: it has {name} where "
                    f"{names[count] if count < len(names) else 'nothing more'} comes"
                )
            count += 1
        self.file.seek(0, os.SEEK_END)
        return count

    def _drop_last_line_if_cut(self) -> None:
        with open(self.path, "rb+") as file:
            size = end = file.seek(0, os.SEEK_END)
            while end > 0:
                start = max(0, end - 4096)
                file.seek(start)
                found = file.read(end - start).rfind(b"\n")
                if found >= 0:
                    end = start + found + 1
                    break
                end = start
            if end < size:
                file.truncate(end)

    def write(self, result: MosResult) -> None:
        """Append a result, where the format has a line for it."""
        if result.error is None or self.with_failed:
            print(self.line(result), file=self.file, flush=True)


def _names(form: str, lines: Iterator[str]) -> Iterator[str]:
    if form == "json":
        return (json.loads(line)["name"] for line in lines)
    return (row[0] for row in csv.reader(lines))
