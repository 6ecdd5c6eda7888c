"""Unpacking of archives that were downloaded."""

import shutil
import zipfile
import zlib
from pathlib import Path

from tqdm import tqdm

from espnet_samos.utils.tables import DataError


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
