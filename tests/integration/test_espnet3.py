"""docs/espnet3.md with ESPnet3's own runner, on the tiny version of the mini corpus."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from espnet_samos import MosPredictor
from espnet_samos.corpora.data_dir import read_data_dir
from espnet_samos.evaluation.metrics import METRICS

pytestmark = pytest.mark.integration
REPO = Path(__file__).parents[2]
PAGE = REPO / "docs/espnet3.md"
EPOCHS = 4


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """A recipe directory with the corpus, and configurations for a shorter training."""
    pytest.importorskip("lightning", reason="ESPnet3 needs the extra espnet")
    for name in ("pyopenjtalk", "visqol"):
        pytest.importorskip(name, reason="the mini corpus needs the extra mini")
    recipe = tmp_path_factory.mktemp("recipe")
    shutil.copytree(REPO / "conf", recipe / "conf")
    training = recipe / "conf/espnet3/training.yaml"
    text, count = re.subn(
        r"max_epochs: \d+", f"max_epochs: {EPOCHS}", training.read_text()
    )
    assert count == 1
    training.write_text(text)
    command = ["espnet_samos.bin.mos_prepare", "--corpus", "mini", "--size", "tiny"]
    command += ["--corpus_dir", "downloads", "--output_dir", "data"]
    subprocess.run([sys.executable, "-m", *command], cwd=recipe, check=True)
    return recipe


def test_the_page_trains_and_measures(recipe):
    (block,) = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    command = block[block.index("python3 -m") :]
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=recipe,
        env=dict(
            os.environ, PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-5000:]

    # it has learnt
    exp = recipe / "exp/espnet3"
    losses = re.findall(
        r"epoch_summary:\d+epoch:valid: .*?loss=([-.\d]+)",
        (exp / "train.log").read_text(),
    )
    assert len(losses) == EPOCHS and float(losses[-1]) < float(losses[0])

    # what is trained is the model of conf/mini, and its scores are those of the metric
    config = yaml.safe_load((recipe / "conf/mini/model.yaml").read_text())
    trained = yaml.safe_load((exp / "config.yaml").read_text())
    assert {key: trained[key] for key in config} == config
    predictor = MosPredictor.from_pretrained(exp / "valid.loss.ave_1best.pth")
    clips = read_data_dir(recipe / "data/mini_test")
    scores = [r.mean for r in predictor.predict_files([clip.path for clip in clips])]
    (measured,) = json.loads((exp / "inference/metrics.json").read_text()).values()
    values = measured["mini_test"]
    assert values.pop("samos_mos") == pytest.approx(np.mean(scores), abs=1e-4)
    assert values.pop("num_errors") == 0
    labels = [clip.mos for clip in clips]
    assert values == {
        name: pytest.approx(metric.function(labels, scores), abs=1e-3)
        for name, metric in METRICS.items()
    }
