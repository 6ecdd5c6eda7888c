"""Fetch and unpack large files: resumable, and checked before they are used."""

import hashlib
import http.client
import shutil
import zipfile
import zlib
from pathlib import Path

from tqdm import tqdm

from espnet_samos.utils.download import receive
from espnet_samos.utils.tables import DataError


def fetch(url: str, path: Path, size: int, md5: str) -> None:
    """Download a file, unless it is there already.

    What has come in stays in `<path>.part` when the download breaks off, and the next
    call goes on from there. `path` itself is there only when it is complete and right.

    Args:
        url: Where the file is.
        path: Where it goes; the folder exists.
        size: Its size in bytes.
        md5: Its MD5 checksum, in hexadecimal digits.

    Raises:
        DataError: There is not enough space, the download failed, or what came in is
            another file.
    """
    if path.is_file() and path.stat().st_size == size and _md5(path) == md5:
        return
    part = path.with_name(f"{path.name}.part")
    have = part.stat().st_size if part.is_file() else 0
    if have < size:
        check_space(path.parent, size - have)
        try:
            receive(url, part, size)
        except (OSError, http.client.HTTPException) as e:
            raise DataError(
                f"cannot download {url} to {part}: {e}. What has come in is kept: run "
                "the same command again to go on from there"
            ) from e
        have = part.stat().st_size
    if have < size:
        raise DataError(
            f"{url} broke off after {have} of {size} bytes: run the same command again "
            "to go on from there"
        )
    if have > size or _md5(part) != md5:
        part.unlink()
        raise DataError(
            f"{url} is not the file it should be ({size} bytes, MD5 {md5}): it is "
            "deleted; run the same command again to download it anew"
        )
    part.replace(path)


def _md5(path: Path) -> str:
    with path.open("rb") as f:
        return hashlib.file_digest(f, "md5").hexdigest()


def check_space(folder: Path, num_bytes: int) -> None:
    """Refuse to begin what the disk cannot hold.

    Raises:
        DataError: There is not enough space.
    """
    free = shutil.disk_usage(folder).free
    if num_bytes > free:
        raise DataError(
            f"{folder}: {num_bytes / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB "
            "are free: make space, or choose another folder"
        )


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip archive and the zip archives inside it, each where it is.

    Archives inside are deleted afterwards. Resource forks, which Macs add, are left
    out.

    Args:
        archive: The zip archive; it is kept.
        folder: Where its files go.

    Raises:
        DataError: It is damaged, would write outside the folder, or there is not
            enough space.
    """
    try:
        with zipfile.ZipFile(archive) as file:
            members = [
                info
                for info in file.infolist()
                if not info.filename.startswith("__MACOSX/")
            ]
            check_space(folder, sum(info.file_size for info in members))
            root = folder.resolve()
            for info in members:
                if not (root / info.filename).resolve().is_relative_to(root):
                    raise DataError(
                        f"{archive}: '{info.filename}' would be written outside "
                        f"{folder}: do not use this archive"
                    )
            for info in tqdm(members, desc=f"unpacking {archive.name}", unit="file"):
                file.extract(info, folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as e:
        raise DataError(f"{archive}: cannot be unpacked ({e}): download it anew") from e
    for info in members:
        inner = folder / info.filename
        if inner.suffix == ".zip" and inner.is_file():
            unpack(inner, inner.parent)
            inner.unlink()
