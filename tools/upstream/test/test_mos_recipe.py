"""Make a recipe of the task mos and call its driver."""

import filecmp
import subprocess
from pathlib import Path

import pytest

EGS2 = Path(__file__).resolve().parents[3] / "egs2"
CLUSTER_FILES = ("cmd.sh", "conf/slurm.conf", "conf/queue.conf", "conf/pbs.conf")


@pytest.fixture
def recipe(tmp_path):
    """Make a recipe beside links to the templates and tools."""
    recipe = tmp_path / "egs2/test/mos1"
    recipe.parent.mkdir(parents=True)
    (tmp_path / "egs2/TEMPLATE").symlink_to(EGS2 / "TEMPLATE")
    (tmp_path / "tools").symlink_to(EGS2.parent / "tools")
    subprocess.run([EGS2 / "TEMPLATE/mos1/setup.sh", recipe], check=True)
    return recipe


def test_cluster_files_are_at_their_defaults(recipe):
    """Cluster files equal those of asr1, and every link leads somewhere."""
    for name in CLUSTER_FILES:
        assert filecmp.cmp(recipe / name, EGS2 / "TEMPLATE/asr1" / name, False)
    links = [path for path in recipe.rglob("*") if path.is_symlink()]
    assert len(links) == 9 and all(path.exists() for path in links)


def test_driver_names_a_missing_option(recipe):
    """The driver stops before its stages where a set is not given."""
    result = subprocess.run(
        ["bash", "./mos.sh", "--valid_set", "dev"],
        cwd=recipe,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 2
    assert "--train_set is needed" in result.stdout
