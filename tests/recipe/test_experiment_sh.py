"""The paper's experiment in the shell, on folders laid out like its corpora."""

import re
import shlex
from collections import Counter

import pytest
import yaml

from tests.corpora.layouts import (
    make_audiomos_published,
    make_nisqa,
    make_tcd_voip_circulating,
    make_tencent,
)
from tests.recipe.small import CONFIG, RECIPE, make_recipe, needs_scripts, run_script

pytestmark = needs_scripts
CORPORA = dict(
    nisqa=make_nisqa,
    audiomos=make_audiomos_published,
    tcd_voip=make_tcd_voip_circulating,
    tencent=make_tencent,
)
PAPER = ["bash", "./run.sh", "--corpus", "paper"]
ROW = "sa_ssl_mos/two_step"
MODELS = ("ssl_layer_mos", "sa_ssl_mos")
ROOT = "exp/paper/experiment"
RESULTS = "inference_valid.lcc.best/{}/scores.json"
TEST_SETS = ("audiomos_test", "tcd_voip")
# An SSL frontend that is imported and run in no time
SMALL = dict(
    CONFIG,
    preprocessor_conf=dict(window_seconds=1.1),
    ssl_frontend="distillmos",
    ssl_frontend_conf=dict(layer=0),
)


def run(recipe, *options, command=()):
    """Run the experiment with small models, through `command` if there is one."""
    return run_script(
        recipe,
        *(*command, *PAPER, "--conf", "conf_small", "--ngpu", "0", "--nj", "1"),
        *("--rows", ROW, "--num_runs", "2", "--test_sets", " ".join(TEST_SETS)),
        *options,
    )


def make_experiment(directory):
    """A recipe with small models; the corpora are where db.sh says."""
    recipe = make_recipe(directory)
    conf = recipe / "conf_small"
    conf.mkdir()
    (conf / "model.yaml").write_text(yaml.safe_dump(SMALL))
    (conf / "inference.yaml").write_text("batch_size: 16\n")
    for name in ("train", "pretrain", "finetune", "scratch"):
        (conf / f"{name}.yaml").write_text("max_epoch: 1\n")
    for name, make in CORPORA.items():
        make(recipe / "downloads" / name)
    return recipe


# What stands for the scripts that do the work: it notes its call
STAND_IN = """\
#!/usr/bin/env bash
echo "$(printf '%q ' "${cmd_backend:-local}" "$0" "$@")" >> calls
if [[ "$*" == *"${broken:-no job}"* ]]; then
    echo "CUDA out of memory"
    exit 1
fi
"""


@pytest.fixture
def stand_in(tmp_path):
    """A recipe whose data.sh and mos.sh only note that they were called."""
    recipe = make_experiment(tmp_path)
    local = recipe / "local"
    local.unlink()
    local.mkdir()
    for path in (RECIPE / "local").iterdir():
        if path.name != "data.sh":
            (local / path.name).symlink_to(path.resolve())
    for path in (local / "data.sh", recipe / "mos.sh"):
        path.write_text(STAND_IN)
        path.chmod(0o755)
    return recipe


def calls_of(recipe):
    """The calls since the last time, as words; of an array in any order."""
    path = recipe / "calls"
    calls = sorted(shlex.split(line) for line in path.read_text().splitlines())
    path.unlink()
    return calls


def option(words, name):
    return words[words.index(f"--{name}") + 1]


def commands_of(result):
    """The commands that a dry run prints, as words."""
    lines = result.stdout.splitlines()
    return [shlex.split(x) for x in lines if re.match(r"\S+ --|python3 ", x)]


def trainings_of(commands):
    """The arrays of trainings, by experiment directory."""
    return {
        option(words, "mos_exp"): words for words in commands if "--mos_exp" in words
    }


def test_all_rows_and_runs_are_started_once_and_as_the_dry_run_says(stand_in):
    options = [*PAPER, "--num_runs", "4", "--stop_stage", "4", "--max_jobs_run", "2"]
    result = run_script(stand_in, *options)
    assert result.returncode == 0, result.stdout
    calls = calls_of(stand_in)
    by_script = Counter(words[1] for words in calls)
    trainings = {
        option(words, "mos_exp"): words for words in calls if "--mos_exp" in words
    }
    assert by_script["local/data.sh"] == 4  # corpora
    assert by_script["./mos.sh"] == 3 + len(trainings)  # nothing twice
    expected = {
        f"{ROOT}/{model}/{row}/run{name}": seed
        for model in MODELS
        for row in ("train", "pretrain", "two_step")
        for name, seed in (
            [("1_1", "1"), ("1_2", "2"), ("2_1", "1"), ("2_2", "2")]
            if row == "two_step"
            else [(str(i), str(i)) for i in range(1, 5)]
        )
    }
    seeds = {exp: option(w, "train_args") for exp, w in trainings.items()}
    assert seeds == {exp: f"--seed {seed}" for exp, seed in expected.items()}
    for exp, words in trainings.items():
        model, training, name = exp[len(ROOT) + 1 :].split("/")
        assert words[0] == "local"  # the array is the job
        assert option(words, "model") == model
        assert option(words, "stop_stage") == "6"  # scored
        if training == "two_step":
            shared = f"{ROOT}/{model}/pretrain/run{name.removeprefix('run')[0]}"
            assert option(words, "pretrain_exp") == shared
        else:
            assert option(words, "pretrain") == "false"

    # The dry run's output, typed, does the same.
    typed = f"{shlex.join(options)} --dry_run true 2> messages > typed && bash -e typed"
    result = run_script(stand_in, "bash", "-c", typed)
    assert result.returncode == 0, result.stdout
    assert calls_of(stand_in) == calls


def test_dry_run_prints_the_whole_experiment_and_names_what_is_missing(tmp_path):
    recipe = make_experiment(tmp_path)
    options = [*PAPER, "--dry_run", "true"]
    result = run_script(recipe, *options, cmd_backend="slurm")
    assert result.returncode == 0, result.stdout
    assert result.stdout.endswith("# Nothing is missing, and nothing was run\n")
    assert result.stdout.count("export cmd_backend=slurm; . ./path.sh\n") == 1
    assert not any((recipe / name).exists() for name in ("data", "dump", "exp"))
    commands = commands_of(result)
    # 4 corpora, statistics, 2 models × (train, pretrain, 2 × two_step), tables
    assert len(commands) == 4 + 3 + 2 * 4 + 1
    arrays = [words for words in commands if words[0] == "slurm.pl"]
    runs = [re.search(r"JOB=1:(\d+) ", shlex.join(words)).group(1) for words in arrays]
    assert sorted(runs) == ["10"] * 4 + ["5"] * 4  # 60 trainings
    for words in arrays:
        assert option(words, "gpu") == "1" and "cmd_backend=local" in words
        log = words[words.index("env") - 1]
        assert log.endswith(".JOB.log")  # slurm.pl: $SLURM_ARRAY_TASK_ID.log
    trainings = trainings_of(commands)
    order = list(trainings)
    for model in MODELS:
        shared = f"{ROOT}/{model}/pretrain/runJOB"
        for finetune in (1, 2):
            exp = f"{ROOT}/{model}/two_step/runJOB_{finetune}"
            assert option(trainings[exp], "pretrain_exp") == shared
            assert order.index(shared) < order.index(exp)
            assert "tencent_with_reverb" in option(trainings[exp], "test_sets")

    (recipe / "downloads/tcd_voip").rename(recipe / "elsewhere")
    result = run_script(recipe, *options, "--test_sets", "tcd_voip tcd_voipp")
    assert result.returncode != 0
    remedy = "put tcd_voip there, or set TCD_VOIP in db.sh"
    assert f"#   no downloads/tcd_voip: {remedy}\n" in result.stdout
    assert "#   no data/tcd_voipp/wav.scp: run stage 1, or put" in result.stdout
    assert len(commands_of(result)) == 3 + 3 + 2 * 4 + 1  # no tencent


def test_what_is_asked_for_gets_to_every_job(tmp_path):
    both = dict(expdir="exp_x", dumpdir="dump_x", dump_ssl_feats="true")
    both.update(multichannel="downmix", skip_bad_clips="true", nj="3", download="true")
    trained = dict(ngpu="0", num_threads="5", inference_args="--batch_size 2")
    options = [
        word
        for item in {**both, **trained, "gpu_dump": "true"}.items()
        for word in (f"--{item[0]}", item[1])
    ]
    result = run(
        make_experiment(tmp_path),
        *(*options, "--train_args", "--max_epoch 2", "--extra_config", "a.yaml b.yaml"),
        *("--max_jobs_run", "7", "--rows", "ssl_layer_mos/two_step sa_ssl_mos/train"),
        *("--dry_run", "true"),
    )
    assert result.returncode == 0, result.stdout
    commands = commands_of(result)
    for words in commands:
        for name in {"--nj", "--download", "--skip_bad_clips"} & set(words):
            assert option(words, name[2:]) == both[name[2:]]
    trainings = trainings_of(commands)
    root = "exp_x/experiment"
    assert set(trainings) == {
        f"{root}/sa_ssl_mos/train/runJOB",
        f"{root}/ssl_layer_mos/pretrain/runJOB",
        *(f"{root}/ssl_layer_mos/two_step/runJOB_{i}" for i in (1, 2)),
    }
    for exp, words in trainings.items():
        assert option(words, "max-jobs-run") == "7"
        assert option(words, "train_args").endswith(" --max_epoch 2")
        assert option(words, "train_config").endswith(".yaml a.yaml b.yaml")
        assert option(words, "inference_config") == "conf_small/inference.yaml"
        assert option(words, "gpu_inference") == "false"
        # A pre-training for fine-tunings alone is not scored, and only one is needed.
        alone = "/pretrain/" in exp
        assert option(words, "stop_stage") == ("5" if alone else "6")
        assert ("JOB=1:1" in words) != ("/train/" in exp)
        for name, value in {**both, **trained}.items():
            if name not in ("nj", "download"):
                assert option(words, name) == value
    prepared = [x for x in commands if x[0] == "./mos.sh"]
    assert len(prepared) == 2
    for words in prepared:
        assert option(words, "gpu_dump") == "true"
        assert option(words, "dump_ssl_feats") == "true"
    tables = commands[-1]
    assert "espnet_samos.bin.mos_experiment" in tables
    assert option(tables, "exp_dir") == root
    assert "--rows ssl_layer_mos/two_step sa_ssl_mos/train --" in shlex.join(tables)


def test_an_array_element_that_fails_is_shown(stand_in):
    options = [*PAPER, "--stop_stage", "3", "--rows", "sa_ssl_mos/train"]
    result = run_script(stand_in, *options, broken="sa_ssl_mos/train/run2 ")
    assert result.returncode != 0
    logs = f"{ROOT}/log/sa_ssl_mos/train"
    assert f"==> {logs}/run.2.log <==" in result.stdout
    assert result.stdout.count(" <==\n") == 1  # the others' are not
    assert "CUDA out of memory\n" in result.stdout
    assert "sa_ssl_mos/train failed; run the same command" in result.stdout
    result = run_script(stand_in, *options)
    assert result.returncode == 0, result.stdout


# Kill a command and all that it started as soon as a file is there
KILLED = """\
setsid "${@:2}" &
while [ ! -e "$1" ] && kill -0 $!; do
    sleep 0.1
done
kill -KILL -- -$!
"""
PRETRAINED = f"{ROOT}/sa_ssl_mos/pretrain/run1"


@pytest.fixture(scope="module")
def half_done(tmp_path_factory):
    """An experiment that was killed between its two fine-tunings."""
    recipe = make_experiment(tmp_path_factory.mktemp("experiment"))
    last = f"{ROOT}/{ROW}/run1_1/RESULTS.md"
    result = run(recipe, command=["bash", "-c", KILLED, "killed", last])
    assert result.returncode == 0, result.stdout[-5000:]
    assert not (recipe / ROOT / ROW / "run1_2/.done").exists()
    assert not (recipe / ROOT / "RESULTS.md").exists()
    return recipe


def test_dry_run_says_what_is_there_and_runs_nothing(half_done):
    before = sorted(half_done.rglob("*"))
    result = run(half_done, "--dry_run", "true")
    assert result.returncode == 0, result.stdout
    assert sorted(half_done.rglob("*")) == before
    assert "--corpus nisqa" in result.stdout
    assert "--corpus tencent" not in result.stdout  # not asked for
    trainings = trainings_of(commands_of(result))
    for stage, name, trained in (
        (3, "sa_ssl_mos/pretrain/runJOB", 1),
        (4, f"{ROW}/runJOB_1", 1),
        (4, f"{ROW}/runJOB_2", 0),
    ):
        row, _, run_name = name.rpartition("/")
        said = f"# Stage {stage}: {row}, 1 runs ({trained} trained before), "
        assert said in result.stdout
        words = trainings[f"{ROOT}/{name}"]
        assert option(words, "test_sets") == " ".join(TEST_SETS)
        seed = run_name.rpartition("_")[2] if stage == 4 else "JOB"
        assert option(words, "train_args") == f"--seed {seed}"


def test_it_goes_on_where_it_stopped(half_done):
    pretrained = half_done / PRETRAINED
    first, second = (half_done / ROOT / ROW / name for name in ("run1_1", "run1_2"))
    scores = [first / RESULTS.format(dset) for dset in TEST_SETS]
    done = [pretrained / "train.log", first / "train.log", *scores]
    times = [path.stat().st_mtime_ns for path in done]
    result = run(half_done)
    assert result.returncode == 0, result.stdout[-5000:]
    assert [path.stat().st_mtime_ns for path in done] == times  # nothing twice
    # Only its fine-tunings were asked for.
    assert not (pretrained / "inference_valid.lcc.best").exists()
    configs = []
    for exp in (first, second):
        for dset in TEST_SETS:
            assert (exp / RESULTS.format(dset)).is_file()
        configs.append(yaml.safe_load((exp / "config.yaml").read_text()))
    assert [config["seed"] for config in configs] == [1, 2]
    init = f"{PRETRAINED}/valid.lcc.best.pth"
    assert all(config["init_param"] == [init] for config in configs)
    text = (half_done / ROOT / "RESULTS.md").read_text()
    assert "SA-SSL-MOS, nisqa_train → audiomos_train" in text and "±" in text
    assert "0.848±0.008" in text  # published
    for dset in TEST_SETS:
        assert (half_done / ROOT / f"{dset}.png").is_file()


@pytest.mark.parametrize(
    "options, message",
    [
        (["--rows", "sa_ssl_mos/both"], "no row 'sa_ssl_mos/both' (there are: "),
        (["--num_runs", "3"], "--num_runs 3 is no multiple of --num_finetunes 2"),
        (["--num_finetunes", "0"], "--num_runs 2 is no multiple of --num_finetunes 0"),
        (["--test_sets", ""], "--test_sets is needed"),
        (["--epochs", "3"], "invalid option --epochs"),
        (["--stage", "3"], "no dump/raw/audiomos_test/.done: run stage 2 first"),
        (["--stage", "4"], "pretrain/run1/.done: run stage 3 first"),
        (["--stage", "5"], "audiomos_test/scores.json: run stage 4 first"),
        (
            ["--stage", "5", "--rows", "sa_ssl_mos/train"],
            "sa_ssl_mos/train/run1/inference_valid.lcc.best/audiomos_test/scores.json: "
            "run stage 3 first",
        ),
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
    # mini, statistics, 2 models × 3 rows of 3 trainings, tables
    assert len(commands_of(result)) == 1 + 3 + 2 * 3 + 1
    assert result.stdout.count(" JOB=1:3 ") == 2 * 3


def test_help_has_the_options_and_their_defaults(tmp_path):
    result = run_script(make_recipe(tmp_path), *PAPER, "--help")
    assert result.returncode == 0 and "$" not in result.stdout
    for text in ("--num_runs 10 --num_finetunes 2 ", "--dumpdir dump --expdir exp "):
        assert text in result.stdout
