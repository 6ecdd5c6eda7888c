"""Download checkpoints: resumable, and with a message that says what to do."""

import contextlib
import hashlib
import http.client
import os
from pathlib import Path
from typing import Iterator, Optional
from unittest import mock

import s3prl.util.download
import torch.hub
from filelock import FileLock

from espnet_samos.utils.download import receive

# S3PRL and torchaudio begin a broken download anew; gigabytes deserve better. Hugging
# Face's hub resumes by itself.
DOWNLOADERS = (
    (s3prl.util.download, "_download_url_to_file"),
    # its second try, when the first has failed
    (s3prl.util.download, "_download_url_to_file_requests"),
    (torch.hub, "download_url_to_file"),
)


@contextlib.contextmanager
def downloading(upstream: str, cure: str) -> Iterator[None]:
    """Let downloads resume; name the model and the way round when one fails.

    Args:
        upstream: The model that may be downloaded.
        cure: How to do without, as an imperative.

    Raises:
        ConnectionError: The download failed.
    """
    try:
        with contextlib.ExitStack() as stack:
            for module, name in DOWNLOADERS:
                stack.enter_context(mock.patch.object(module, name, download))
            yield
    except (OSError, http.client.HTTPException) as e:
        # what urllib, requests and Hugging Face raise
        raise ConnectionError(
            f"cannot fetch the checkpoint of upstream '{upstream}' ({e}). What has "
            "come in is kept: the same command goes on from there. Without a "
            f"connection, {cure}"
        ) from e


def download(
    url: str, dst: str, hash_prefix: Optional[str] = None, progress: bool = True
) -> None:
    """Download a file, going on from what an earlier try has left in `<dst>.part`.

    Args:
        url: Where the file is.
        dst: Where it goes; it is there only when it is complete.
        hash_prefix: First digits of its SHA-256 checksum.
        progress: For those who call torch's function; there always is a bar.

    Raises:
        OSError: The download failed or broke off, or it is another file.
    """
    dst = os.path.expanduser(str(dst))
    part = Path(f"{dst}.part")
    # Several processes of one training want the same file.
    with FileLock(f"{part}.lock"):  # S3PRL has <dst>.lock
        if os.path.isfile(dst):
            return
        size = receive(url, part)
        have = part.stat().st_size
        if have < size:
            raise OSError(f"{url} broke off after {have} of {size} bytes")
        if hash_prefix is not None:
            with part.open("rb") as f:
                digest = hashlib.file_digest(f, "sha256").hexdigest()
            if not digest.startswith(hash_prefix):
                part.unlink()
                raise OSError(f"{url} is damaged or another file: it is deleted")
        part.replace(dst)
