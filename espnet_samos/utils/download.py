"""Receiving a large file over HTTP, from where the last try broke off."""

import http.client
import urllib.request
from pathlib import Path
from typing import Optional

from tqdm import tqdm

CHUNK_BYTES = 1 << 20
TIMEOUT_SECONDS = 60  # of silence, not for the whole file


def receive(url: str, part: Path, size: Optional[int] = None) -> int:
    """Append what is missing, or write all where the server cannot give a part.

    Args:
        url: Where the file is.
        part: What has come in so far, if anything, and where the rest goes.
        size: Size of the whole in bytes; by default what the server says.

    Returns:
        The size of the whole in bytes; of what came in, where nobody says it.

    Raises:
        OSError: The connection failed.
        http.client.HTTPException: It broke off.
    """
    have = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(url)
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as e:
        if e.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and size is None:
            return have  # there is no more
        raise
    with response:
        partial = response.status == http.HTTPStatus.PARTIAL_CONTENT
        if not partial:
            have = 0
        if size is None and response.length is not None:
            size = have + response.length
        with (
            part.open("ab" if partial else "wb") as f,
            tqdm(
                desc=part.stem, total=size, initial=have, unit="B", unit_scale=True
            ) as bar,
        ):
            while chunk := response.read(CHUNK_BYTES):
                f.write(chunk)
                bar.update(len(chunk))
    return part.stat().st_size if size is None else size
