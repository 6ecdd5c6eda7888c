"""Read a checkpoint no further than the layers that are needed."""

import contextlib
import pickle
import re
import zipfile
from typing import Any, Callable, Dict, Iterator, Mapping

import torch


def keep_first_layers(
    weights: Mapping[str, torch.Tensor], prefix: str, num_layers: int
) -> Dict[str, torch.Tensor]:
    """Leave out the weights of later layers.

    Args:
        weights: A state dict.
        prefix: What stands before the index of a layer, `encoder.layers.`.
        num_layers: How many layers to keep.
    """
    index = re.compile(re.escape(prefix) + r"(\d+)\.")
    return {
        name: weight
        for name, weight in weights.items()
        if not (found := index.match(name)) or int(found[1]) < num_layers
    }


@contextlib.contextmanager
def edit_checkpoints(edit: Callable[[Any], Any]) -> Iterator[None]:
    """Have `torch.load` give checkpoints as `edit` returns them.

    S3PRL and torchaudio load a pre-trained model in one go, from the name to the
    finished module; `torch.load` is the one place where a checkpoint can be cut
    before it costs memory. Files are mapped: of a weight that `edit` leaves out
    not a byte is read.

    Args:
        edit: Takes and returns what a file holds.

    Raises:
        ValueError: A file is no checkpoint.
    """
    load = torch.load

    def load_and_edit(f, *args, **kwargs):
        # Files from before PyTorch 1.6 are no zip files, and cannot be mapped.
        kwargs.update(map_location="cpu", mmap=zipfile.is_zipfile(f))
        try:
            content = load(f, *args, **kwargs)
        except (EOFError, RuntimeError, pickle.UnpicklingError) as e:
            raise ValueError(
                f"{f} cannot be read as a PyTorch checkpoint: {e}\n"
                "If it was downloaded, delete it and try again."
            ) from e
        return edit(content)

    torch.load = load_and_edit
    try:
        yield
    finally:
        torch.load = load
