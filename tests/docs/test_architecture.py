"""docs/architecture.md has the folders and files that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text()


def test_every_folder_of_the_package_has_its_line():
    listed = re.findall(r"^  (\w+)/ +\S", PAGE, re.MULTILINE)
    there = [path.parent.name for path in ROOT.glob("espnet_samos/*/__init__.py")]
    assert sorted(listed) == sorted(there)


def test_the_files_on_the_way_of_a_clip_are_there():
    named = re.findall(r"\b\w+/[\w*]+\.py\b", PAGE)
    assert len(named) >= 6
    for name in named:
        assert list((ROOT / "espnet_samos").glob(name)), name
