"""local/pairs.sh: from data directories of pairs to samos compare."""

import numpy as np
import pytest
import soundfile
import yaml

from espnet_samos.bin.mos_prepare_pairs import main as prepare_pairs
from espnet_samos.inference.predictor import MosPredictor
from tests.recipe.small import make_recipe, needs_scripts, run_script
from tests.tiny_model import CONFIG, save_model

pytestmark = needs_scripts
SETS = ("--train_set", "data/my_train", "--valid_set", "data/my_valid")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """A recipe with two sets of pairs, a model in mos/ and a short configuration."""
    directory = tmp_path_factory.mktemp("recipe")
    recipe = make_recipe(directory)
    rng = np.random.default_rng(0)
    lines = ["path_a,path_b,ccr,split"]
    for i in range(10):
        for clip in "ab":
            path = directory / f"{i}{clip}.wav"
            soundfile.write(path, 0.1 * rng.standard_normal(16000), 16000)
        lines.append(f"{i}a.wav,{i}b.wav,{i % 5 - 2},{'train' if i < 6 else 'valid'}")
    (directory / "my.csv").write_text("\n".join(lines) + "\n")
    prepare_pairs([str(directory / "my.csv"), "--output_dir", str(recipe / "data")])
    save_model(recipe / "mos")
    (recipe / "model.yaml").write_text(yaml.safe_dump(CONFIG))
    config = yaml.safe_load((recipe / "conf/pairs.yaml").read_text())
    config |= dict(max_epoch=1, batch_size=4, num_workers=0)
    (recipe / "short.yaml").write_text(yaml.safe_dump(config))
    config["train_encoders"] = True
    (recipe / "encoders.yaml").write_text(yaml.safe_dump(config))
    return recipe


def train(recipe, *options):
    return run_script(recipe, "bash", "local/pairs.sh", *options)


@pytest.mark.parametrize(
    "options",
    [
        ("--init", "mos", "--pairs_config", "short.yaml"),
        (
            *("--init", "none", "--model_config", "model.yaml"),
            *("--pairs_config", "encoders.yaml"),
        ),
    ],
)
def test_a_model_learns_to_compare(recipe, options):
    exp = f"exp/{options[1]}"
    done = train(recipe, *SETS, *options, "--exp", exp)
    log = recipe / exp / "log/train.log"
    assert done.returncode == 0, done.stdout + log.read_text()[-3000:]
    assert f"samos compare --model {exp}" in done.stdout
    predictor = MosPredictor.from_pretrained(recipe / exp)
    clips = [recipe.parents[2] / f"0{clip}.wav" for clip in "ab"]
    result = predictor.compare(*clips)
    assert result.learnt and result.mean != 0


def test_mistakes_are_named(recipe):
    done = train(recipe)
    assert done.returncode == 2 and "Usage: local/pairs.sh --train_set" in done.stdout
    assert "--init small " in done.stdout
    done = train(recipe, *SETS, "--init", "none")
    assert done.returncode == 2 and "needs --model_config" in done.stdout
    done = train(recipe, *SETS, "--init", "nothing")
    assert done.returncode == 1 and "no model 'nothing'" in done.stdout
