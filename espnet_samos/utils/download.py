"""Downloading a large file: from where the last try broke off, and checked.

Hugging Face's own function fetches it; what is here is for any file of any server.
"""

import hashlib
from http import HTTPStatus
from pathlib import Path
from typing import Optional

from filelock import FileLock
from huggingface_hub.file_download import http_get

from espnet_samos.utils.files import add_file


class DownloadError(OSError):
    """A file that could not be downloaded; the message says why."""


def download(
    url: str, path: Path, size: Optional[int] = None, checksum: str = ""
) -> None:
    """Download a file, unless it is there already.

    What was downloaded stays in `<path>.part` when the download breaks off, and the
    next call resumes from there. `path` itself is there only when it is complete and
    verified.
    Several processes may want the same file.

    Args:
        url: Where the file is.
        path: Where it goes; its folder is made.
        size: Its size in bytes, where it is known.
        checksum: `md5:<hexadecimal digits>`, `sha256:<the first of them>` or, as git
            lists its files, `git:<digits>`, where it is known.

    Raises:
        DownloadError: The download failed, or what came in is another file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    with FileLock(f"{part}.lock"):
        if path.is_file() and _is_right(path, size, checksum):
            return
        try:
            with part.open("ab") as f:
                http_get(url, f, resume_size=f.tell(), expected_size=size)
        except Exception as e:
            # of whichever client Hugging Face uses
            response = getattr(e, "response", None)
            status = getattr(response, "status_code", None)
            if status != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise DownloadError(f"{url}: {e}") from e
            # there is no more of it
        if not _is_right(part, size, checksum):
            part.unlink()
            wanted = ", ".join(
                filter(None, [f"{size} bytes" if size else "", checksum])
            )
            raise DownloadError(
                f"{url} is not the file it should be ({wanted}): it is deleted; run "
                "the same command again to download it anew"
            )
        part.replace(path)


def _is_right(path: Path, size: Optional[int], checksum: str) -> bool:
    if size is not None and path.stat().st_size != size:
        return False
    algorithm, _, digits = checksum.partition(":")
    if not digits:
        return True
    if algorithm == "git":
        digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size)
    else:
        digest = hashlib.new(algorithm)
    return add_file(digest, path).hexdigest().startswith(digits)
