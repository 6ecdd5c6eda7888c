"""Reading a checkpoint no further than the layers that are needed."""

import pickle
import re
import zipfile
from pathlib import Path
from typing import Any, Dict, Mapping, Union

import torch

from espnet_samos.utils.download import DownloadError, download


def keep_first_layers(
    weights: Mapping[str, torch.Tensor], prefix: str, num_layers: int
) -> Dict[str, torch.Tensor]:
    """Leave out the weights of later layers, `<prefix><index>.<name>`."""
    index = re.compile(re.escape(prefix) + r"(\d+)\.")
    return {
        name: weight
        for name, weight in weights.items()
        if not (found := index.match(name)) or int(found[1]) < num_layers
    }


def reason(error: Exception) -> str:
    """Return in short why PyTorch does not load a file as tensors and plain values.

    PyTorch's own message advises to run what is in the file.
    """
    if isinstance(error, pickle.UnpicklingError):
        found = re.search(r"GLOBAL (\S+)", str(error))
        return f"it calls {found[1]}" if found else "it holds something else"
    return (str(error).splitlines() or [type(error).__name__])[0]


def read_checkpoint(path: Union[Path, str]) -> Any:
    """Read a checkpoint, mapped into memory: what is not used is not read.

    Tensors and plain values only: nothing in the file is run.

    Raises:
        ValueError: The file is no checkpoint, or holds more than that.
        FileNotFoundError, PermissionError: It cannot be opened.
    """
    try:
        # Files from before PyTorch 1.6 are no zip files, and cannot be mapped.
        return torch.load(
            path, map_location="cpu", mmap=zipfile.is_zipfile(path), weights_only=True
        )
    except (FileNotFoundError, PermissionError):
        raise
    except Exception as e:
        # Damaged archives and pickles raise all kinds of exceptions.
        raise ValueError(
            f"{Path(path).resolve()} cannot be read as a model ({reason(e)}): it is "
            "cut short, or holds more than tensors and plain values. Take another one, "
            "or train, copy or download it again"
        ) from e


def download_checkpoint(url: str, path: Path, upstream: str, hint: str) -> None:
    """Download a checkpoint to `path` where it is not there already.

    The message has the name of the upstream, and the hint how to do without.

    Raises:
        ConnectionError: The download failed.
    """
    if not path.is_file():
        try:
            download(url, path)
        except DownloadError as e:
            raise unreachable(upstream, e, hint) from e


def unreachable(upstream: str, error: Exception, hint: str) -> ConnectionError:
    """Return the error for a checkpoint that cannot be downloaded."""
    return ConnectionError(
        f"cannot fetch the checkpoint of upstream '{upstream}' ({error}). What was "
        "downloaded is kept: run the same command again to resume. Without a "
        f"connection, {hint}"
    )
