"""Options that tell the task where a training's data are."""

from pathlib import Path
from typing import List, Mapping


def data_options(directory: Path, lists: Mapping[str, str]) -> List[str]:
    """Return the options for `train` and `valid` in a directory.

    Args:
        directory: Has a folder for each.
        lists: The files in both and what they are, `<name>,<type>`; `mos` among them.
    """
    options = []
    for part in ("train", "valid"):
        for file, kind in lists.items():
            options += [
                f"--{part}_data_path_and_name_and_type",
                f"{directory / part / file},{kind}",
            ]
        options += [f"--{part}_shape_file", str(directory / part / "mos")]
    return options
