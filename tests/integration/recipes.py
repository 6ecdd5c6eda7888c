"""ESPnet's own mini_an4 recipes, unmodified, and the page whose examples they run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, List

HERE = Path(__file__).parent
REPO = HERE.parents[1]
ESPNET = REPO / "tools/espnet"
PAGE = REPO / "docs/frontends.md"


def blocks(language: str) -> List[str]:
    """The code blocks of docs/frontends.md in a language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)


def shell_block(recipe: str, *contents: str) -> str:
    """The one block for a recipe (asr1, aqa1) that has all of `contents` in it."""
    (block,) = (
        block
        for block in blocks("sh")
        if block.startswith(f"# egs2/mini_an4/{recipe}\n")
        and all(content in block for content in contents)
    )
    return block.strip()


def copy_recipe(recipe: str, folder: Path) -> Path:
    """Copy a recipe into a tree like ESPnet's, with the configurations of the page.

    Args:
        recipe: asr1 or aqa1.
        folder: The root of that tree, to be made.

    Returns:
        The folder of the recipe.
    """
    copied = folder / "egs2/mini_an4" / recipe
    shutil.copytree(ESPNET / "egs2/mini_an4" / recipe, copied, symlinks=True)
    (folder / "egs2/TEMPLATE").symlink_to(ESPNET / "egs2/TEMPLATE")
    (folder / "tools").mkdir()
    shutil.copy(ESPNET / "tools/extra_path.sh", folder / "tools")
    for block in blocks("yaml"):
        path = block.split("\n")[0].removeprefix("# ")
        (copied / path).write_text(block)
    return copied


def run_shell(recipe: Path, command: str, **environment: str) -> None:
    """Run a command in the folder of a recipe, with this Python and a sph2pipe."""
    path = [str(Path(sys.executable).parent), os.environ["PATH"], str(HERE / "bin")]
    env: Dict[str, str] = {**os.environ, "PATH": ":".join(path), **environment}
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=recipe,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert result.returncode == 0, result.stdout[-5000:]
