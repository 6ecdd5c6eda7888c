"""Say what could not be downloaded."""

import contextlib
from typing import Iterator


@contextlib.contextmanager
def downloading(upstream: str, cure: str) -> Iterator[None]:
    """Name the model and the way round when a download fails.

    Args:
        upstream: The model that may be downloaded.
        cure: How to do without, as an imperative.

    Raises:
        ConnectionError: The download failed.
    """
    try:
        yield
    except OSError as e:  # what urllib, requests and Hugging Face raise
        raise ConnectionError(
            f"cannot fetch the checkpoint of upstream '{upstream}' ({e}). "
            f"Without a connection, {cure}"
        ) from e
