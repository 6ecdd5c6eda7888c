"""What the page in the browser is told of a model; the page: tests/integration."""

import json

import pytest

from espnet_samos import MosPredictor
from espnet_samos.integrations.static_page import description, write_page
from tests.tiny_model import save_model


def test_the_options_of_the_predictor_are_those_of_the_page():
    plain = description(MosPredictor.from_pretrained())
    assert json.loads(json.dumps(plain)) is not None
    assert (plain["windows"], plain["multichannel"]) == ("all", "downmix")
    assert plain["pad_short_clips"] and plain["window_seconds"] == 5.12
    predictor = MosPredictor.from_pretrained(windows="first", multichannel="error")
    changed = description(predictor)
    assert (changed["windows"], changed["multichannel"]) == ("first", "error")
    assert {key for key in plain if plain[key] != changed[key]} == {
        "windows",
        "multichannel",
    }


def test_a_model_without_graphs_is_refused(tmp_path):
    predictor = MosPredictor.from_pretrained(save_model(tmp_path / "exp"))
    with pytest.raises(ValueError, match="no graphs.*samos export"):
        write_page(predictor, tmp_path / "site")
    assert not (tmp_path / "site").exists()
