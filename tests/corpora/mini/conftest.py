import pytest

# They make the mini corpus; without them there is nothing to test here.
pytest.importorskip("av")
pytest.importorskip("pyopenjtalk")
pytest.importorskip("visqol")


@pytest.fixture(scope="session")
def reference():
    """An utterance of clean speech at 48 kHz."""
    from espnet_samos.corpora.mini import speech

    return speech.synthesise(speech.sentences()[0], "mei1")
