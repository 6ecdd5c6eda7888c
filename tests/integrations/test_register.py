import pytest
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.asr.frontend.default import DefaultFrontend
from espnet2.asr.specaug.abs_specaug import AbsSpecAug
from espnet2.asr.specaug.specaug import SpecAug
from espnet2.mt.frontend.embedding import Embedding
from espnet2.train.class_choices import ClassChoices

from espnet_samos.frontend.log_spectrogram import LogSpectrogramFrontend
from espnet_samos.frontend.parallel import ParallelFrontend
from espnet_samos.frontend.ssl_layer import SslLayerFrontend
from espnet_samos.integrations.espnet import register_frontends

FRONTENDS = dict(
    samos_spectrogram=LogSpectrogramFrontend,
    samos_ssl=SslLayerFrontend,
    samos_parallel=ParallelFrontend,
)


@pytest.fixture
def before():
    """Choices of a task that was imported before the frontends were registered."""
    return ClassChoices("frontend", dict(default=DefaultFrontend), AbsFrontend, None)


@pytest.fixture
def registered(before, monkeypatch):
    for method in ("choices", "get_class"):
        monkeypatch.setattr(ClassChoices, method, getattr(ClassChoices, method))
    register_frontends.__wrapped__()


@pytest.mark.parametrize("name", FRONTENDS)
def test_frontends_of_speech_can_be_chosen(before, registered, name):
    after = ClassChoices("frontend", dict(default=DefaultFrontend), AbsFrontend, None)
    for choices in (before, after):
        # as when a model is built from its config.yaml, without a parser
        assert choices.get_class(name) is FRONTENDS[name]
        assert choices.choices() == ("default", *FRONTENDS, None)


def test_other_choices_stay_as_they_are(registered):
    text = ClassChoices("frontend", dict(embed=Embedding), AbsFrontend, "embed")
    assert text.choices() == ("embed",)
    specaug = ClassChoices("specaug", dict(default=SpecAug), AbsSpecAug, "default")
    assert specaug.choices() == ("default",)


def test_not_registered_unless_asked(before):
    assert before.choices() == ("default", None)
