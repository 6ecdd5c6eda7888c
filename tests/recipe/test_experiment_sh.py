"""The paper's experiment in the shell, on a corpus of a few clips."""

import pytest
import yaml

from tests.recipe.small import (
    CONFIG,
    make_corpus,
    make_recipe,
    needs_scripts,
    run_script,
)

pytestmark = needs_scripts
ROW = "sa_ssl_mos/two_step"
RESULTS = "inference_valid.lcc.best/my_test/scores.json"


def run(recipe, *options):
    return run_script(
        recipe,
        *("bash", "local/experiment.sh", "--corpora", "csv", "--conf", "conf_small"),
        *("--pretrain_set", "my_pretrain", "--pretrain_valid_set"),
        *("my_pretrain_dev", "--train_set", "my_train", "--valid_set", "my_dev"),
        *("--test_sets", "my_test", "--dump_ssl_feats", "true", "--ngpu", "0"),
        *("--rows", ROW, "--num_runs", "2", "--max_jobs_run", "2", *options),
    )


def make_experiment(directory):
    recipe = make_recipe(directory)
    conf = recipe / "conf_small"
    conf.mkdir()
    (conf / "model.yaml").write_text(yaml.safe_dump(CONFIG))
    (conf / "train.yaml").write_text("max_epoch: 1\n")
    for name in ("pretrain", "finetune", "scratch"):
        (conf / f"{name}.yaml").write_text("max_epoch: 1\n")
    table = make_corpus(directory / "corpus")
    result = run_script(
        recipe,
        *("bash", "local/data.sh", "--corpus", "csv", "--table", str(table)),
        *("--set_prefix", "my"),
    )
    assert result.returncode == 0, result.stdout[-5000:]
    return recipe


@pytest.fixture(scope="module")
def half_done(tmp_path_factory):
    """The pre-training is there, the fine-tunings are not."""
    recipe = make_experiment(tmp_path_factory.mktemp("experiment"))
    result = run(recipe, "--stage", "2", "--stop_stage", "3")
    assert result.returncode == 0, result.stdout[-5000:]
    return recipe


def test_dry_run_says_what_is_there_and_runs_nothing(half_done):
    before = sorted(half_done.rglob("*"))
    result = run(half_done, "--stage", "2", "--dry_run", "true")
    assert result.returncode == 0, result.stdout
    assert sorted(half_done.rglob("*")) == before
    jobs = {
        text.splitlines()[0].split(":")[0]: text
        for text in result.stdout.split("\n\n")[1:]
    }
    assert "    there already" in jobs["sa_ssl_mos on my_pretrain"]
    for finetune in (1, 2):
        name = f"sa_ssl_mos on my_pretrain and then my_train, fine-tuning {finetune}"
        directory = f"exp/experiment/{ROW}/runJOB_{finetune}"
        assert f"    out  {directory}/{RESULTS}" in jobs[name]
        assert f"--train_args '--seed {finetune}' --mos_exp {directory}" in jobs[name]
        assert "    to do" in jobs[name] and "MISSING" not in jobs[name]
        assert f"           {name}\n" in jobs["tables"]
    assert result.stdout.endswith("5 jobs; 0 inputs are missing.\n")


def test_dry_run_names_what_is_missing(half_done):
    (half_done / "data/my_test/wav.scp").rename(half_done / "wav.scp")
    result = run(half_done, "--stage", "2", "--dry_run", "true")
    (half_done / "wav.scp").rename(half_done / "data/my_test/wav.scp")
    assert result.returncode != 0
    assert "MISSING: data/my_test/wav.scp" in result.stdout
    assert result.stdout.endswith("5 jobs; 1 inputs are missing.\n")


def test_it_goes_on_where_it_stopped(half_done):
    pretrained = half_done / "exp/experiment/sa_ssl_mos/pretrain/run1"
    time = (pretrained / "train.log").stat().st_mtime_ns
    assert not (pretrained / "inference_valid.lcc.best").exists()
    result = run(half_done, "--stage", "2")
    assert result.returncode == 0, result.stdout[-5000:]
    assert (pretrained / "train.log").stat().st_mtime_ns == time
    directory = half_done / "exp/experiment" / ROW
    configs = []
    for name in ("run1_1", "run1_2"):
        assert (directory / name / RESULTS).is_file()
        configs.append(yaml.safe_load((directory / name / "config.yaml").read_text()))
    assert [config["seed"] for config in configs] == [1, 2]
    init = "exp/experiment/sa_ssl_mos/pretrain/run1/valid.lcc.best.pth"
    assert all(config["init_param"] == [init] for config in configs)
    text = (half_done / "exp/experiment/RESULTS.md").read_text()
    assert "SA-SSL-MOS, my_pretrain → my_train" in text and "±" in text
    assert (half_done / "exp/experiment/my_test.png").is_file()


def test_an_element_that_fails_is_shown(half_done, tmp_path):
    conf = tmp_path / "conf"
    conf.mkdir()
    for path in (half_done / "conf_small").iterdir():
        (conf / path.name).write_text(path.read_text())
    (conf / "scratch.yaml").write_text("optim: nonsense\n")
    result = run(
        half_done,
        *("--stage", "3", "--rows", "sa_ssl_mos/train", "--num_runs", "1"),
        *("--conf", str(conf)),
    )
    assert result.returncode != 0
    assert "nonsense" in result.stdout
    assert "sa_ssl_mos on my_train failed; run the same command" in result.stdout


@pytest.mark.parametrize(
    "options, message",
    [
        (["--rows", "sa_ssl_mos/both"], "no row 'sa_ssl_mos/both' (there are: "),
        (["--num_runs", "3"], "--num_runs 3 is no multiple of --num_finetunes 2"),
        (["--test_sets", ""], "--test_sets is needed"),
        (["--stage", "5", "--rows", "sa_ssl_mos/train"], "run the stage before"),
    ],
)
def test_a_wrong_call_says_what_to_do(tmp_path, options, message):
    result = run(make_recipe(tmp_path), *options)
    assert result.returncode != 0 and message in result.stdout


def test_run_sh_knows_every_experiment(tmp_path):
    recipe = make_recipe(tmp_path)
    result = run_script(
        recipe,
        *("bash", "./run.sh", "--corpus", "paper_mini", "--dry_run", "true"),
    )
    assert result.returncode == 0, result.stdout
    assert "21 jobs; 0 inputs are missing." in result.stdout
