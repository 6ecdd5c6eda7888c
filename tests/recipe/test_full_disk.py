"""A disk that fills up under the recipe."""

import os

from tests.recipe.small import make_corpus, make_recipe, needs_scripts, run

pytestmark = needs_scripts


def test_full_disk(tmp_path, small_disk):
    table = make_corpus(tmp_path / "corpus", clips_per_split=2)
    recipe = make_recipe(tmp_path)
    (recipe / "dump").symlink_to(small_disk)
    filler = small_disk / "filler"
    status = os.statvfs(small_disk)
    # room for the folders and a few of the files
    filler.write_bytes(bytes((status.f_bavail - 8) * status.f_frsize))
    result = run(recipe, table, "--stop_stage", "2")
    assert result.returncode != 0
    assert "No space left on device" in result.stdout
    assert "run the same command again" in result.stdout
    unfinished = {path.parent.name for path in (recipe / "dump/raw").glob("*/.done")}
    filler.unlink()
    result = run(recipe, table, "--stage", "2", "--stop_stage", "2")
    assert result.returncode == 0, result.stdout[-5000:]
    for name in ("pretrain", "pretrain_dev", "train", "dev", "test"):
        directory = recipe / "dump/raw" / f"my_{name}"
        assert len((directory / "wav.scp").read_text().splitlines()) == 2
        assert (directory / ".done").read_text().strip()
    assert len(unfinished) < 5
