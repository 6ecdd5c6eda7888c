"""Configurations that are spread over several YAML files."""

from pathlib import Path
from typing import Sequence

import yaml


def merge(base: dict, other: dict) -> dict:
    """Return `base` updated with `other`; dictionaries are merged key by key."""
    merged = dict(base)
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            value = merge(merged[key], value)
        merged[key] = value
    return merged


def merge_files(paths: Sequence[str]) -> dict:
    """Merge YAML files, a later one over an earlier.

    Raises:
        ValueError: A file is missing or is not a YAML dictionary.
    """
    merged: dict = {}
    for path in paths:
        if not Path(path).is_file():
            raise ValueError(f"no such configuration file: {path}")
        config = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise ValueError(f"{path} is not a YAML dictionary of options")
        merged = merge(merged, config)
    return merged
