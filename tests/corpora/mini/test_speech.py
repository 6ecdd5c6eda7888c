import itertools

import numpy as np
import pytest
import scipy.signal

from espnet_samos.corpora.mini import speech


def test_speech_is_the_same_in_any_order(reference):
    text = speech.sentences()[1]
    first = {speaker: speech.synthesise(text, speaker) for speaker in speech.SPEAKERS}
    for speaker in reversed(speech.SPEAKERS):
        assert np.array_equal(speech.synthesise(text, speaker), first[speaker])
    for a, b in itertools.combinations(first.values(), 2):
        assert len(a) != len(b) or not np.allclose(a, b)


def test_speech_level_length_and_band(reference):
    assert 10 * np.log10(np.mean(reference**2)) == pytest.approx(-26)
    assert 1.5 < len(reference) / 48000 <= 3.0
    frequencies, power = scipy.signal.welch(reference, 48000, nperseg=1024)
    high = (frequencies > 8000) & (frequencies < 16000)
    assert 10 * np.log10(power[high].sum() / power.sum()) > -30
