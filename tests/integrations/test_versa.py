"""The metric for VERSA, against VERSA's interface or a stand-in for it."""

import ast
import enum
import importlib.util
import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import yaml

import espnet_samos
from espnet_samos import MosPredictor
from tests.tiny_model import save_model, speechlike

FILE = Path(espnet_samos.__file__).parent / "integrations/versa.py"
PAGE = Path(__file__).parents[2] / "docs/toolkits.md"


class Registry:
    """Keeps what a registration gives."""

    def __init__(self):
        self.registered = []

    def register(self, metric_class, metadata, aliases=None):
        self.registered.append((metric_class, metadata, aliases))


def stand_in():
    """`versa.definition`, as far as metrics see it."""

    @dataclass
    class MetricMetadata:
        name: str
        category: object
        metric_type: object
        requires_reference: bool
        requires_text: bool
        gpu_compatible: bool
        auto_install: bool
        dependencies: list
        description: str
        paper_reference: str | None = None
        implementation_source: str | None = None

    class BaseMetric:
        def __init__(self, config=None):
            self.config = config or {}
            self.logger = logging.getLogger(type(self).__name__)
            self._setup()

    module = ModuleType("versa.definition")
    module.MetricMetadata = MetricMetadata
    module.BaseMetric = BaseMetric
    module.MetricCategory = enum.Enum("MetricCategory", "INDEPENDENT DEPENDENT")
    module.MetricType = enum.Enum("MetricType", "FLOAT DICT")
    return module


@pytest.fixture(scope="module")
def versa():
    """The metric's module."""
    with pytest.MonkeyPatch.context() as patch:
        if importlib.util.find_spec("versa") is None:
            patch.setitem(sys.modules, "versa", ModuleType("versa"))
            patch.setitem(sys.modules, "versa.definition", stand_in())
        spec = importlib.util.spec_from_file_location("samos_mos", FILE)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("exp"))


@pytest.fixture
def metric(versa, model):
    return versa.SamosMosMetric(dict(name="samos_mos", model=str(model)))


@pytest.mark.parametrize("fs", [16000, 24000, 48000])
def test_gives_the_score_of_the_clip_at_its_rate(metric, model, fs):
    clip = speechlike(1.5, fs).astype(np.float64)
    scores = metric.compute(clip, metadata=dict(sample_rate=fs, key="utt"))
    expected = MosPredictor.from_pretrained(model).predict(clip, fs)
    low, high = expected.interval
    assert scores == {
        "samos_mos": pytest.approx(expected.mean, abs=1e-5),
        "samos_mos_std": pytest.approx(expected.std, abs=1e-5),
        "samos_mos_low": pytest.approx(low, abs=1e-5),
        "samos_mos_high": pytest.approx(high, abs=1e-5),
        "samos_mos_bandwidth": expected.bandwidth,
        "samos_mos_text_warnings": " ".join(expected.warnings),
        "samos_mos_text_labels": expected.label_note,
    }
    # VERSA averages all but text
    for name, score in scores.items():
        assert type(score) is (str if "text" in name else float)


def test_what_the_labels_are_is_said(versa, caplog):
    metric = versa.SamosMosMetric(dict(name="samos_mos"))
    (record,) = caplog.records
    assert "labels are computed" in record.message
    scores = metric.compute(speechlike(0.5, 48000), metadata=dict(sample_rate=48000))
    assert "labels are computed" in scores["samos_mos_text_labels"]
    assert scores["samos_mos_text_warnings"] == "short"


def test_the_rate_is_16_khz_where_nothing_says_so(metric):
    clip = speechlike(1.5, 16000)
    told = metric.compute(clip, metadata=dict(sample_rate=16000))
    assert metric.compute(clip) == metric.compute(clip, metadata={}) == told
    assert metric.compute(clip, metadata=dict(sample_rate=24000)) != told


def test_warns_once_of_a_reference_that_may_have_lowered_the_rate(metric, caplog):
    clip = speechlike(0.5, 48000)
    for fs, reference in ((16000, None), (48000, clip)):
        metric.compute(clip, reference, dict(sample_rate=fs))
    assert not caplog.records
    for _ in range(2):
        metric.compute(clip, clip, dict(sample_rate=24000))
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "24000 Hz" in record.message and "12000 Hz" in record.message


def test_what_cannot_be_scored_is_an_error(metric):
    with pytest.raises(ValueError, match="no predicted signal"):
        metric.compute(None)
    with pytest.raises(ValueError, match="silent"):
        metric.compute(np.zeros(16000))


def test_is_registered_under_the_name_of_the_configuration(versa, metric):
    registry = Registry()
    versa.register_samos_mos_metric(registry)
    ((metric_class, metadata, _),) = registry.registered
    (conf,) = yaml.safe_load(FILE.with_suffix(".yaml").read_text())
    assert metric_class is versa.SamosMosMetric
    assert metadata.name == conf["name"] == "samos_mos" and metadata == (
        metric.get_metadata()
    )
    assert not metadata.requires_reference and not metadata.requires_text
    assert metadata.category.name == "INDEPENDENT"
    assert metadata.metric_type.name == "DICT"
    assert metadata.dependencies == ["espnet_samos"]


def test_every_output_is_explained_where_users_look(metric):
    scores = metric.compute(speechlike(0.5, 16000))
    for path in (FILE.with_suffix(".yaml"), PAGE):
        text = path.read_text()
        assert all(key in text for key in scores)


def test_the_metadata_can_be_read_without_running_the_file():
    """VERSA lists metrics from their source: names and literals only."""
    (call,) = (
        node
        for node in ast.walk(ast.parse(FILE.read_text()))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", None) == "MetricMetadata"
    )
    for keyword in call.keywords:
        if keyword.arg not in ("category", "metric_type"):
            ast.literal_eval(keyword.value)
