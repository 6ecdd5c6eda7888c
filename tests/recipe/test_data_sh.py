"""Stage 1, local/data.sh, on corpora as they were published."""

from statistics import fmean

import pytest

from espnet_samos.utils.tables import read_table
from tests.corpora.layouts import audiomos_ratings, make_audiomos_challenge, make_pstn
from tests.recipe.small import make_recipe, needs_scripts, run_script

pytestmark = needs_scripts


def prepare(recipe, *options):
    return run_script(recipe, "bash", "local/data.sh", *options)


def test_prepares_the_corpus_that_db_sh_names(tmp_path):
    recipe = make_recipe(tmp_path)
    make_pstn(recipe / "downloads/pstn")
    result = prepare(recipe, "--corpus", "pstn")
    assert result.returncode == 0, result.stdout
    assert "Successfully validated data-directory data/.prep" in result.stdout
    data = recipe / "data/pstn_train"
    times = {path: path.stat().st_mtime_ns for path in data.iterdir()}
    assert {"wav.scp", "utt2votes", "labels.png"} <= {path.name for path in times}
    # What has not changed stays as it is, or later stages would run again for it.
    assert prepare(recipe, "--corpus", "pstn").returncode == 0
    assert times == {path: path.stat().st_mtime_ns for path in data.iterdir()}


def test_passes_options_on(tmp_path):
    recipe = make_recipe(tmp_path)
    make_audiomos_challenge(tmp_path / "corpus")
    options = ["--corpus_dir", str(tmp_path / "corpus"), "--labels", "separate"]
    result = prepare(recipe, "--corpus", "audiomos", *options)
    assert result.returncode == 0, result.stdout
    labels = read_table(recipe / "data/audiomos_train/mos")
    for utt, mos in labels.items():
        ratings = audiomos_ratings(utt, wide=False)
        assert float(mos) == pytest.approx(fmean(ratings), abs=1e-4)


def test_says_what_to_do_where_a_corpus_is_not_there(tmp_path):
    recipe = make_recipe(tmp_path)
    result = prepare(recipe, "--corpus", "nisqa")
    assert result.returncode != 0
    assert "no folder downloads/nisqa: set NISQA in db.sh" in result.stdout
    assert "zenodo.org/records/4728081" in result.stdout
    assert not list(recipe.glob("data/nisqa*"))
