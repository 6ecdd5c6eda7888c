"""The paper's experiment in the shell, on folders laid out like its corpora."""

import pytest
import yaml

from tests.corpora.layouts import (
    make_audiomos_published,
    make_nisqa,
    make_tcd_voip_circulating,
    make_tencent,
)
from tests.recipe.small import CONFIG, make_recipe, needs_scripts, run_script

pytestmark = needs_scripts
CORPORA = dict(
    nisqa=make_nisqa,
    audiomos=make_audiomos_published,
    tcd_voip=make_tcd_voip_circulating,
    tencent=make_tencent,
)
ROW = "sa_ssl_mos/two_step"
ROOT = "exp/paper/experiment"
RESULTS = "inference_valid.lcc.best/{}/scores.json"
TEST_SETS = ("audiomos_test", "tcd_voip")


def run(recipe, *options):
    return run_script(
        recipe,
        *("bash", "./run.sh", "--corpus", "paper", "--conf", "conf_small"),
        *("--dump_ssl_feats", "true", "--ngpu", "0", "--max_jobs_run", "2"),
        *("--rows", ROW, "--num_runs", "2", "--test_sets", " ".join(TEST_SETS)),
        *options,
    )


def make_experiment(directory):
    """A recipe with small models; the corpora are where db.sh says."""
    recipe = make_recipe(directory)
    conf = recipe / "conf_small"
    conf.mkdir()
    (conf / "model.yaml").write_text(yaml.safe_dump(CONFIG))
    for name in ("train", "pretrain", "finetune", "scratch"):
        (conf / f"{name}.yaml").write_text("max_epoch: 1\n")
    for name, make in CORPORA.items():
        make(recipe / "downloads" / name)
    return recipe


@pytest.fixture(scope="module")
def half_done(tmp_path_factory):
    """The pre-training is there, the fine-tunings are not."""
    recipe = make_experiment(tmp_path_factory.mktemp("experiment"))
    result = run(recipe, "--stop_stage", "3")
    assert result.returncode == 0, result.stdout[-5000:]
    return recipe


def jobs_of(result):
    """The jobs of a dry run, by name."""
    return {
        text.splitlines()[0].split(":")[0]: text
        for text in result.stdout.split("\n\n")[1:]
    }


def test_dry_run_checks_every_job_of_the_whole_experiment(tmp_path):
    recipe = make_experiment(tmp_path)
    options = ["./run.sh", "--corpus", "paper", "--dry_run", "true"]
    result = run_script(recipe, "bash", *options)
    assert result.returncode == 0, result.stdout
    # 4 corpora, statistics, 2 models × (10 + 10 + 5 × 2) trainings, tables
    assert result.stdout.endswith("66 jobs; 0 inputs are missing.\n")
    jobs = jobs_of(result)
    name = "sa_ssl_mos on nisqa_train and then audiomos_train, fine-tuning 2"
    assert "sa_ssl_mos on nisqa_train\n" in jobs[name]  # makes its input
    for dset in ("nisqa_test_livetalk", "tencent_with_reverb"):
        assert f"runJOB_2/{RESULTS.format(dset)}" in jobs[name]
    assert "    in   downloads/tcd_voip" in jobs["data preparation of tcd_voip"]
    (recipe / "downloads/tcd_voip").rename(recipe / "elsewhere")
    result = run_script(recipe, "bash", *options)
    assert result.returncode != 0
    assert "MISSING: downloads/tcd_voip" in result.stdout
    assert result.stdout.endswith("66 jobs; 1 inputs are missing.\n")


def test_dry_run_says_what_is_there_and_runs_nothing(half_done):
    before = sorted(half_done.rglob("*"))
    result = run(half_done, "--dry_run", "true")
    assert result.returncode == 0, result.stdout
    assert sorted(half_done.rglob("*")) == before
    jobs = jobs_of(result)
    assert "    there already" in jobs["data preparation of nisqa"]
    assert "data preparation of tencent" not in jobs  # not asked for
    assert "    there already" in jobs["sa_ssl_mos on nisqa_train"]
    for finetune in (1, 2):
        name = "sa_ssl_mos on nisqa_train and then audiomos_train, fine-tuning "
        name += str(finetune)
        directory = f"{ROOT}/{ROW}/runJOB_{finetune}"
        for dset in TEST_SETS:
            assert f"    out  {directory}/{RESULTS.format(dset)}" in jobs[name]
        assert f"--train_args '--seed {finetune}' --mos_exp {directory}" in jobs[name]
        assert "    to do" in jobs[name] and "MISSING" not in jobs[name]
        assert f"           {name}\n" in jobs["tables"]


def test_it_goes_on_where_it_stopped(half_done):
    pretrained = half_done / ROOT / "sa_ssl_mos/pretrain/run1"
    time = (pretrained / "train.log").stat().st_mtime_ns
    assert not (pretrained / "inference_valid.lcc.best").exists()
    result = run(half_done)
    assert result.returncode == 0, result.stdout[-5000:]
    assert (pretrained / "train.log").stat().st_mtime_ns == time
    directory = half_done / ROOT / ROW
    configs = []
    for name in ("run1_1", "run1_2"):
        for dset in TEST_SETS:
            assert (directory / name / RESULTS.format(dset)).is_file()
        configs.append(yaml.safe_load((directory / name / "config.yaml").read_text()))
    assert [config["seed"] for config in configs] == [1, 2]
    init = f"{ROOT}/sa_ssl_mos/pretrain/run1/valid.lcc.best.pth"
    assert all(config["init_param"] == [init] for config in configs)
    text = (half_done / ROOT / "RESULTS.md").read_text()
    assert "SA-SSL-MOS, nisqa_train → audiomos_train" in text and "±" in text
    assert "0.848±0.008" in text  # published
    for dset in TEST_SETS:
        assert (half_done / ROOT / f"{dset}.png").is_file()


def test_an_element_that_fails_is_shown(half_done):
    (half_done / "conf_small/broken.yaml").write_text("optim: nonsense\n")
    result = run(
        half_done,
        *("--stage", "3", "--rows", "sa_ssl_mos/train", "--num_runs", "1"),
        *("--extra_config", "conf_small/broken.yaml"),
    )
    assert result.returncode != 0
    assert "nonsense" in result.stdout
    assert "sa_ssl_mos on audiomos_train failed; run the same" in result.stdout


@pytest.mark.parametrize(
    "options, message",
    [
        (["--rows", "sa_ssl_mos/both"], "no row 'sa_ssl_mos/both' (there are: "),
        (["--num_runs", "3"], "--num_runs 3 is no multiple of --num_finetunes 2"),
        (["--test_sets", ""], "--test_sets is needed"),
        (["--stage", "5", "--rows", "sa_ssl_mos/train"], "run the stage before"),
        ([], "no folder downloads/nisqa: set NISQA in db.sh"),
    ],
)
def test_a_wrong_call_says_what_to_do(tmp_path, options, message):
    result = run(make_recipe(tmp_path), *options)
    assert result.returncode != 0 and message in result.stdout


def test_the_same_experiment_on_the_mini_corpus(tmp_path):
    options = ["./run.sh", "--corpus", "paper_mini", "--dry_run", "true"]
    result = run_script(make_recipe(tmp_path), "bash", *options)
    assert result.returncode == 0, result.stdout
    assert result.stdout.endswith("21 jobs; 0 inputs are missing.\n")
