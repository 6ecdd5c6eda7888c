"""A recipe directory and a corpus of a few clips, to run the recipe's stages on."""

import csv
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "egs2/samos/mos1"
RATES = (16000, 24000, 48000)
CONFIG = dict(
    preprocessor_conf=dict(window_seconds=1.0),
    ssl_frontend="ssl_layer",
    ssl_frontend_conf=dict(frontend_conf=dict(upstream="fbank")),
    ssl_encoder_conf=dict(hidden_channels=8),
    spectrogram_frontend_conf=dict(hop_length=960),
    spectrogram_encoder_conf=dict(channels=[4, 4, 8, 8]),
    batch_type="unsorted",
    batch_size=4,
    shuffle_within_batch=True,
    num_workers=0,
    grad_clip=float("inf"),
    max_epoch=1,
    optim="adam",
    optim_conf=dict(lr=0.001),
    best_model_criterion=[["valid", "lcc", "max"]],
    keep_nbest_models=1,
)

needs_scripts = pytest.mark.skipif(
    not (RECIPE / "utils").exists(), reason="tools/espnet is missing: make setup"
)


def make_corpus(directory, clips_per_split=6):
    """A table of noise, the louder the better; returns its path."""
    rng = np.random.default_rng(0)
    directory.mkdir(parents=True)
    rows = []
    for split in ("pretrain", "pretrain_dev", "train", "dev", "test"):
        for i in range(clips_per_split):
            mos = round(rng.uniform(1, 5), 2)
            fs = RATES[i % 3]
            path = f"{split}_{i}.wav"
            samples = 10 ** ((mos - 7) / 2) * rng.standard_normal(fs)
            soundfile.write(directory / path, samples, fs)
            row = dict(path=path, mos=mos, system=f"s{i % 3}", split=split)
            rows.append(dict(row, std=0.8, votes=8))
    table = directory / "table.csv"
    with table.open("w", newline="") as f:
        writer = csv.DictWriter(f, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return table


def make_recipe(directory):
    """A recipe directory of our own, so that runs do not meet in data/."""
    recipe = directory / "egs2/test/mos1"
    recipe.mkdir(parents=True)
    for path in RECIPE.iterdir():
        if path.name not in ("data", "dump", "exp", "downloads"):
            shutil.copy(path, recipe) if path.is_file() else (
                recipe / path.name
            ).symlink_to(path.resolve())
    config = dict(CONFIG, model_conf=dict(label_error=True))
    (recipe / "config.yaml").write_text(yaml.safe_dump(config))
    return recipe


def run_script(recipe, *command, timeout=600, **environment):
    """Run a script in a recipe; its output, both streams, is in stdout."""
    env = dict(os.environ, VENV=os.environ.get("VENV", str(ROOT / ".venv")))
    return subprocess.run(
        command,
        cwd=recipe,
        env={**env, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
    )


def command(table, *options):
    """Return the call of mos.sh on the corpus; `options` override those here."""
    return [
        *("bash", "./mos.sh", "--nj", "2", "--inference_nj", "2"),
        *("--local_data_opts", f"--corpus csv --table {table} --set_prefix my"),
        *("--pretrain_set", "my_pretrain", "--pretrain_valid_set"),
        *("my_pretrain_dev", "--train_set", "my_train", "--valid_set", "my_dev"),
        *("--test_sets", "my_test", "--pretrain_config", "config.yaml"),
        *("--train_config", "config.yaml", "--dump_ssl_feats", "true", *options),
    ]


def run(recipe, table, *options, **environment):
    """Run mos.sh on the corpus."""
    return run_script(recipe, *command(table, *options), **environment)
