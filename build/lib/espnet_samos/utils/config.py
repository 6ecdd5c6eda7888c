"""Configurations: YAML files, one or several."""

from pathlib import Path
from typing import Any, Dict, Sequence, Union

import yaml


def read_config(path: Union[str, Path]) -> Dict[str, Any]:
    """Read a YAML file with options; nothing in it is run.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not a YAML dictionary; the message names it.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"no such configuration file: {path}")
    try:
        config = yaml.safe_load(Path(path).read_bytes())
    except (yaml.YAMLError, UnicodeError, RecursionError, ValueError) as e:
        # ValueError: of a date that does not exist, for one
        raise ValueError(f"{path} is not YAML: {e}") from e
    if not isinstance(config, dict) or not all(isinstance(k, str) for k in config):
        raise ValueError(f"{path} is not a YAML dictionary of options")
    return config


def merge(base: dict, other: dict) -> dict:
    """Return `base` updated with `other`; dictionaries are merged key by key."""
    merged = dict(base)
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            value = merge(merged[key], value)
        merged[key] = value
    return merged


def merge_files(paths: Sequence[Union[str, Path]]) -> dict:
    """Merge YAML files, a later one over an earlier.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: A file is not a YAML dictionary.
    """
    merged: dict = {}
    for path in paths:
        merged = merge(merged, read_config(path))
    return merged
