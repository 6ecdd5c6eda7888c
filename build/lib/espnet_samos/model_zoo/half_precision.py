"""Weights in half the space."""

from pathlib import Path
from typing import Union

import torch

from espnet_samos.frontend.upstreams.checkpoint import read_checkpoint
from espnet_samos.utils.files import whole_file


def store_in_half(model_file: Union[Path, str], output_file: Union[Path, str]) -> None:
    """Write the weights of a model with its matrices rounded to float16.

    A model that is loaded computes in float32 nevertheless. Vectors stay as they are:
    they are small, and variances among them may be too small for float16.

    Args:
        model_file: The weights.
        output_file: Where to write them.

    Raises:
        ValueError: The file is no model, or has weights beyond the range of float16.
        OSError: A file cannot be read or written.
    """
    weights = read_checkpoint(model_file)
    for name, weight in weights.items():
        if weight.dtype == torch.float32 and weight.ndim > 1:
            weights[name] = weight.half()
            if not weights[name].isfinite().all():
                raise ValueError(f"{model_file}: {name} is beyond the range of float16")
    with whole_file(output_file) as unfinished:
        torch.save(weights, unfinished)
