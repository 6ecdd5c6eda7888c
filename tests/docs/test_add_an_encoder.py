"""The example of docs/add_an_encoder.md, from its file to a score."""

import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
import yaml

from espnet_samos import MosPredictor
from espnet_samos.mos import slots
from espnet_samos.tasks.mos import MosTask
from tests.tiny_model import CONFIG, speechlike

PAGE = (Path(__file__).parents[2] / "docs/add_an_encoder.md").read_text()


def block(language):
    """Return the one code block of the page in a language."""
    (text,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return text


def classes_of_the_line():
    """Return the names and classes that the page lists for the slot."""
    namespace = {}
    exec(block("text").strip().rstrip(","), namespace)
    return namespace["classes"]


@pytest.fixture
def registered(monkeypatch):
    """Do what the page says: its file is there, and its line is in the slot."""
    path = re.match(r"# (espnet_samos/mos/\w+)\.py\n", block("python"))[1]
    module = ModuleType(path.replace("/", "."))
    exec(compile(block("python"), f"{path}.py", "exec"), module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    slot = slots.ssl_encoder_choices
    monkeypatch.setattr(slot, "classes", {})
    monkeypatch.setattr(slot, "_places", classes_of_the_line())
    return module


@pytest.fixture
def args(registered, tmp_path):
    """Put the page's configuration over that of a tiny model."""
    config = {k: v for k, v in CONFIG.items() if k != "ssl_encoder_conf"}
    config.update(yaml.safe_load(block("yaml")))
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(config))
    return MosTask.get_parser().parse_args(
        ["--config", str(tmp_path / "train.yaml"), "--output_dir", str(tmp_path)]
    )


def test_the_line_adds_one_class_to_what_is_there():
    now = slots.ssl_encoder_choices._places
    listed = classes_of_the_line()
    assert now.items() <= listed.items()
    assert len(set(listed) - set(now)) == 1


def test_it_is_built_and_trained(args, registered):
    model = MosTask.build_model(args)
    assert type(model.ssl_encoder).__module__ == registered.__name__
    assert model.ssl_encoder.output_size() == args.ssl_encoder_conf["output_channels"]
    batch = dict(
        speech_16k=torch.randn(3, 16000) / 10,
        speech_16k_lengths=torch.full((3,), 16000),
        speech_48k=torch.randn(3, 48000) / 10,
        speech_48k_lengths=torch.full((3,), 48000),
        mos=torch.tensor([[1.0], [3.0], [5.0]]),
    )
    loss = model.train()(**batch)["loss"]
    loss.backward()
    assert torch.isfinite(loss)
    for name, parameter in model.ssl_encoder.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_it_scores(args, tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(vars(args)))
    torch.manual_seed(0)
    weights = MosTask.build_model(args).state_dict()
    torch.save(weights, tmp_path / "valid.lcc.best.pth")
    predictor = MosPredictor.from_pretrained(tmp_path)
    clips = [(speechlike(1.0 + i / 2, 24000, i), 24000) for i in range(3)]
    alone = [predictor.predict(*clip).mean for clip in clips]
    assert np.isfinite(alone).all() and len(set(alone)) == 3
    together = predictor.predict_clips([(str(i), c) for i, c in enumerate(clips)])
    # the page: the vector of a clip must not depend on the batch
    assert [r.mean for r in together] == pytest.approx(alone, abs=1e-5)
