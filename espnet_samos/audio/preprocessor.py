"""From a clip at its native rate to what the model's branches take."""

from typing import Dict, List, Optional, Sequence

import numpy as np

from espnet_samos.audio.clip_ends import sound_bounds
from espnet_samos.audio.reading import (
    AudioError,
    check_audio,
    check_multichannel,
    to_mono,
)
from espnet_samos.audio.windows import cut_around, cut_windows
from espnet_samos.utils.score_names import table_name

SSL_RATE = 16000
SPECTROGRAM_RATE = 48000


class MosPreprocessor:
    """Cut or repeat a clip to one window and resample it for both branches.

    ESPnet takes any callable for this; its own base class would bring all of its text
    processing to those who only use a model.

    Args:
        train: Whether the clips are for training. Outside training a window is the
            clip from its first sample on, unchanged.
        use_ssl: Make the 16 kHz waveform.
        use_spectrogram: Make the 48 kHz waveform.
        window_seconds: Length of the window. A shorter clip is repeated until
            the window is full, a longer one is cut.
        pad_short_clips: Let silence follow a shorter clip, instead of repeating it, and
            leave out digital silence at its ends and a DC offset; for frontends and
            encoders that leave silence out.
        random_window: While training, take a random window of a longer clip.
        random_rotation: While training, begin at a random place of a shorter clip,
            which is then repeated from there.
        gain_db: While training, change the level by a random gain between these
            two, in dB. Nothing is clipped.
        flip_polarity: While training, the probability of inverting the sign of a clip.
        multichannel: `error` refuses clips of several channels, `downmix`
            takes their mean.

    Raises:
        ValueError: `window_seconds` is not above 0, `gain_db` is not two numbers, the
            lower first, `flip_polarity` is not a probability, `multichannel` is
            another word, or `random_rotation` has nothing to do.
    """

    def __init__(
        self,
        train: bool,
        use_ssl: bool = True,
        use_spectrogram: bool = True,
        window_seconds: float = 10.0,
        pad_short_clips: bool = False,
        random_window: bool = False,
        random_rotation: bool = False,
        gain_db: Optional[Sequence[float]] = None,
        flip_polarity: float = 0.0,
        multichannel: str = "error",
    ):
        if gain_db is not None and not (
            np.shape(gain_db) == (2,)
            and np.isfinite(gain_db).all()
            and gain_db[0] <= gain_db[1]
        ):
            raise ValueError(
                f"preprocessor_conf.gain_db is {gain_db}: give the lowest and the "
                "highest gain in dB, like [-3, 3]"
            )
        # "true" would invert every clip, and change nothing from clip to clip
        if isinstance(flip_polarity, bool) or not 0 <= flip_polarity <= 1:
            raise ValueError(
                f"preprocessor_conf.flip_polarity is {flip_polarity}: give a "
                "probability, 0 to 1"
            )
        if not 0 < window_seconds < float("inf"):
            raise ValueError(
                f"preprocessor_conf.window_seconds is {window_seconds}: give seconds, "
                "more than 0"
            )
        check_multichannel(multichannel)
        self.train = train
        self.use_ssl = use_ssl
        self.use_spectrogram = use_spectrogram
        if pad_short_clips and random_rotation:
            raise ValueError(
                "preprocessor_conf has random_rotation, of clips that are repeated, "
                "and pad_short_clips, which does not repeat them"
            )
        self.window_seconds = window_seconds
        self.pad_short_clips = pad_short_clips
        self.random_window = random_window
        self.random_rotation = random_rotation
        self.gain_db = gain_db
        self.flip_polarity = flip_polarity
        self.multichannel = multichannel

    def random_options(self) -> List[str]:
        """Return the options in use that make a training clip differ every time."""
        names = ("random_window", "random_rotation", "gain_db", "flip_polarity")
        return [name for name in names if getattr(self, name)]

    def check_no_random_options(self) -> None:
        """Check that no option makes a training clip differ every time.

        Raises:
            ValueError: There are some, and SSL features on disk are of the unchanged
                first window.
        """
        options = self.random_options()
        if options:
            raise ValueError(
                f"preprocessor_conf has {', '.join(options)}, which cannot be used "
                "with SSL features from disk: they were computed from the first "
                "window of each clip, unchanged (--dump_ssl_feats false)"
            )

    def rates(self) -> Dict[str, int]:
        """Return the windows that the model takes, with their sampling rates in Hz."""
        rates = {}
        if self.use_ssl:
            rates["speech_16k"] = SSL_RATE
        if self.use_spectrogram:
            rates["speech_48k"] = SPECTROGRAM_RATE
        return rates

    def __call__(self, uid: str, data: Dict[str, np.ndarray]) -> Dict[str, np.ndarray]:
        """Replace `speech` and `fs` by the windows.

        Args:
            uid: Utterance id, for messages.
            data: `speech` (NSamples,) or (NSamples, NChannels) at its native
                rate, `fs` (1,) in Hz, and anything else, which is kept. Where
                `ssl_feats` is there, the 16 kHz window is not made.

        Returns:
            data with `speech_16k` (16000 · window_seconds,) and `speech_48k`
            (48000 · window_seconds,), as far as they are used.

        Raises:
            AudioError: The clip cannot be used; the message names it.
        """
        data = dict(data)
        speech = data.pop("speech")
        fs = int(data.pop("fs")[0])
        try:
            speech = to_mono(speech, self.multichannel).astype(np.float32)
            check_audio(speech, fs)
        except AudioError as e:
            raise AudioError(f"{uid}: {e}") from e

        rates = self.rates()
        if "ssl_feats" in data:
            rates.pop("speech_16k", None)
        if not rates:
            return data
        if self.pad_short_clips:
            first_sample, end = sound_bounds(speech, fs)
            speech = speech[first_sample:end]
        spare = len(speech) / fs - self.window_seconds
        first = rotation = 0.0
        if self.train and self.random_window and spare > 0:
            first = np.random.uniform(0.0, spare)
        if self.train and self.random_rotation and spare < 0:
            rotation = np.random.uniform(0.0, len(speech) / fs)
        speech, start = cut_around(
            speech, fs, rates.values(), first, self.window_seconds
        )
        if self.train:
            speech = self._change_level(speech)
        window = next(
            cut_windows(
                [speech],
                fs,
                rates,
                self.window_seconds,
                start=start,
                rotation=rotation,
                pad_short_clips=self.pad_short_clips,
            )
        )
        return {**data, **window.data}

    def _change_level(self, speech: np.ndarray) -> np.ndarray:
        factor = 1.0
        if self.gain_db is not None:
            low, high = self.gain_db
            factor = 10 ** (np.random.uniform(low, high) / 20)
        if self.flip_polarity and np.random.random() < self.flip_polarity:
            factor = -factor
        return speech * np.float32(factor)


class LabelPreprocessor(MosPreprocessor):
    """A `MosPreprocessor` that also turns a corpus' name and labels into numbers.

    Args:
        corpora: The corpora that the head knows, in its order; empty where it
            makes no difference between corpora.
        scores: The further scores whose labels the head learns.
        options: Those of `MosPreprocessor`.
    """

    def __init__(
        self, corpora: Sequence[str] = (), scores: Sequence[str] = (), **options
    ):
        super().__init__(**options)
        self.corpora = list(corpora)
        self.scores = list(scores)

    def __call__(self, uid: str, data: Dict[str, np.ndarray]) -> Dict[str, np.ndarray]:
        """Replace `corpus`, a name, by its place (1,) in the list of corpora.

        Where the head has no such list, `corpus` is dropped. Of `scores`, further
        labels by name, those that the head learns become `mos_<name>` (1,), NaN where
        the clip has none.

        Raises:
            AudioError: See `MosPreprocessor`.
            ValueError: The head does not know the corpus.
        """
        data = super().__call__(uid, data)
        if "scores" in data:
            labels = dict(data.pop("scores"))
            for score in self.scores:
                label = np.array([labels.get(score, np.nan)], dtype=np.float32)
                data[table_name(score)] = label
        corpus = data.pop("corpus", None)
        if corpus is None or not self.corpora:
            return data
        name = str(corpus)  # it is a text, unlike the rest of the data
        if name not in self.corpora:
            raise ValueError(
                f"{uid} is of the corpus {name}, which head_conf.corpora does not "
                f"name (there are: {', '.join(self.corpora)})"
            )
        return dict(data, corpus=np.array([self.corpora.index(name)]))
