"""A Python environment that has only some of the packages that are installed."""

import venv
from importlib import metadata
from pathlib import Path
from typing import Iterable, Set

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def installed_with(names: Iterable[str]) -> Set[str]:
    """Return packages and all that they require."""
    found: Set[str] = set()
    waiting = [canonicalize_name(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            requires = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # of another platform
        found.add(name)
        for requirement in map(Requirement, requires):
            if not requirement.marker or requirement.marker.evaluate({"extra": ""}):
                waiting.append(canonicalize_name(requirement.name))
    return found


def make_environment(folder: Path, packages: Iterable[str]) -> Path:
    """Make an environment of links to packages; return its Python."""
    venv.EnvBuilder(with_pip=False, symlinks=True).create(folder)
    (site,) = Path(folder).glob("lib/python*/site-packages")
    for package in packages:
        distribution = metadata.distribution(package)
        tops = {file.parts[0] for file in distribution.files or ()}
        for top in tops - {"..", "__pycache__"}:
            installed = Path(distribution.locate_file(top))
            if installed.exists() and not (site / top).exists():
                (site / top).symlink_to(installed)
    return Path(folder) / "bin" / "python"
