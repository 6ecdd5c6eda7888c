"""The models that come with the package: that they work, and say what they are."""

import re
from pathlib import Path

import pytest
import soundfile
import yaml

from espnet_samos.inference.onnx_engine import ENGINES
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


def test_is_small(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 10 * 2**20


def test_both_engines_give_one_score(folder):
    predictors = [
        MosPredictor.from_pretrained(folder, engine=engine) for engine in ENGINES[1:]
    ]
    for path in sorted(DATA.glob("*.flac")):
        scores = [p.predict(*soundfile.read(path, dtype="float32")) for p in predictors]
        assert scores[0].mean == pytest.approx(scores[1].mean, abs=1e-4)
        assert scores[0].std == pytest.approx(scores[1].std, abs=1e-4)


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
