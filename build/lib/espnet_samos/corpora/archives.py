"""Unpacking of archives that were downloaded."""

import io
import lzma
import shutil
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from tqdm import tqdm

from espnet_samos.utils.tables import DataError

AR_MAGIC = b"!<arch>\n"
AR_HEADER_SIZE = 60


def check_space(folder: Path, num_bytes: int) -> None:
    """Raise a `DataError` where the disk has not enough space."""
    free = shutil.disk_usage(folder).free
    if num_bytes > free:
        raise DataError(
            f"{folder}: {num_bytes / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB "
            "are free: make space, or choose another folder"
        )


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip archive to a folder, and the zip archives inside it where they are.

    Archives inside are deleted afterwards. Resource forks, which Macs add, are left
    out.

    Raises:
        DataError: It is damaged, would write outside the folder, or there is not
            enough space.
    """
    try:
        with zipfile.ZipFile(archive) as file:
            names = [n for n in file.namelist() if not n.startswith("__MACOSX/")]
            check_space(folder, sum(file.getinfo(name).file_size for name in names))
            root = folder.resolve()
            for name in names:
                if not (root / name).resolve().is_relative_to(root):
                    raise DataError(
                        f"{archive}: '{name}' would be written outside {folder}: do "
                        "not use this archive"
                    )
            file.extractall(
                folder, tqdm(names, desc=f"unpacking {archive.name}", unit="file")
            )
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as e:
        raise DataError(f"{archive}: cannot be unpacked ({e}): download it anew") from e
    for name in names:
        inner = folder / name
        if inner.suffix == ".zip" and inner.is_file():
            unpack(inner, inner.parent)
            inner.unlink()


def unpack_debian(package: Path, inside: str, folder: Path) -> None:
    """Unpack a folder of a Debian package.

    Args:
        package: The package, whose data are compressed in a way that Python knows.
        inside: The folder inside it, without a slash at either end.
        folder: Where its contents go.

    Raises:
        DataError: It is damaged, or has no such folder.
    """
    try:
        with package.open("rb") as file:
            data = _member_of_ar(file, "data.tar")
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                members = []
                for member in archive.getmembers():
                    path = PurePosixPath(member.name)
                    if member.isfile() and path.is_relative_to(inside):
                        member.name = str(path.relative_to(inside))
                        members.append(member)
                if not members:
                    raise DataError(f"{package}: no folder {inside} inside")
                archive.extractall(folder, members, filter="data")
    except (tarfile.TarError, ValueError, EOFError, lzma.LZMAError) as e:
        raise DataError(f"{package}: cannot be unpacked ({e}): download it anew") from e


def _member_of_ar(file: BinaryIO, name: str) -> bytes:
    """Return the first member of a Unix archive whose name begins like that."""
    if file.read(len(AR_MAGIC)) != AR_MAGIC:
        raise ValueError("it is no Unix archive")
    while len(header := file.read(AR_HEADER_SIZE)) == AR_HEADER_SIZE:
        size = int(header[48:58])
        data = file.read(size + size % 2)[:size]
        if len(data) < size:
            raise ValueError("it is cut short")
        if header[:16].decode("ascii", "replace").startswith(name):
            return data
    raise ValueError(f"it has no {name}")
