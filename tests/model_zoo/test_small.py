"""The models that come with the package: that they work, and say what they are."""

import re
from pathlib import Path

import pytest
import soundfile
import torch
import yaml

from espnet_samos.inference.predictor import MosPredictor
from espnet_samos.model_zoo.find import packaged_models

DATA = Path(__file__).parents[1] / "data"
MODELS = [model.train_config.parent for model in packaged_models().values()]
MODEL_FILE = "valid.lcc.best.pth"


@pytest.fixture(params=MODELS, ids=lambda path: path.name)
def folder(request):
    """The folder of a packaged model."""
    return request.param


def strings(value):
    """Every string in a configuration."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value


def test_holds_no_path_of_the_machine_that_made_it(folder):
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert not [s for s in strings(config) if re.search(r"(^|[\s=]|:(?!//))[/~]", s)]
    page = (folder / "README.md").read_text()
    assert not re.search(r"/(home|root|work|tmp|Users)/", page)


def test_is_small_and_holds_only_what_was_trained(folder):
    assert sum(path.stat().st_size for path in folder.iterdir()) < 5e6
    state = torch.load(folder / MODEL_FILE, weights_only=True)
    assert not [name for name in state if name.startswith("ssl_frontend.")]


def test_says_what_its_labels_are_wherever_it_has_figures(folder):
    card = yaml.safe_load((folder / "card.yaml").read_text())
    assert card["label_note"]
    page = (folder / "README.md").read_text()
    assert page.count(f"Note: {card['label_note']}") == len(card["results"]) > 0
    for name, groups in card["results"].items():
        table = page.split(f"### {name}\n")[1].split("Note:")[0]
        assert f"{groups['overall']['lcc']:.3f} [" in table


def test_scores_any_rate_whatever_the_level(folder):
    predictor = MosPredictor(folder / MODEL_FILE)
    paths = sorted(DATA.glob("*.flac"))
    assert len(paths) == 5
    for path in paths:
        score = predictor.predict(*soundfile.read(path, dtype="float32"))
        # not clipped, but near the scale that it was trained on
        assert 0.5 < score.mean < 5.5 and score.std > 0
    samples, fs = soundfile.read(DATA / "24000_2.1s.flac", dtype="float32")
    halved = predictor.predict(samples / 2, fs).mean
    assert abs(halved - predictor.predict(samples, fs).mean) < 0.3
