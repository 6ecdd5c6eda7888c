"""From a clip at its native rate to what the model's branches take."""

from typing import Dict

import numpy as np
from espnet2.train.preprocessor import AbsPreprocessor

from espnet_samos.audio import (
    AudioError,
    check_audio,
    cut_native,
    fit_window,
    resample,
    to_mono,
)

SSL_RATE = 16000
SPECTROGRAM_RATE = 48000


class MosPreprocessor(AbsPreprocessor):
    """Cut or repeat a clip to one window and resample it for both branches.

    Args:
        train: Whether the clips are for training.
        use_ssl: Make the 16 kHz waveform.
        use_spectrogram: Make the 48 kHz waveform.
        window_seconds: Length of the window. A shorter clip is repeated until
            the window is full, a longer one is cut.
        random_window: While training, take a random window of a longer clip;
            otherwise, and outside training always, its first.
        multichannel: `error` refuses clips of several channels, `downmix`
            takes their mean.
    """

    def __init__(
        self,
        train: bool,
        use_ssl: bool = True,
        use_spectrogram: bool = True,
        window_seconds: float = 10.0,
        random_window: bool = False,
        multichannel: str = "error",
    ):
        super().__init__(train)
        self.use_ssl = use_ssl
        self.use_spectrogram = use_spectrogram
        self.window_seconds = window_seconds
        self.random_window = random_window
        self.multichannel = multichannel

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

        start = 0.0
        spare = len(speech) / fs - self.window_seconds
        if self.train and self.random_window and spare > 0:
            start = np.random.uniform(0.0, spare)
        speech = cut_native(speech, fs, self.window_seconds, start)

        if self.use_ssl and "ssl_feats" not in data:
            data["speech_16k"] = self._window(speech, fs, SSL_RATE)
        if self.use_spectrogram:
            data["speech_48k"] = self._window(speech, fs, SPECTROGRAM_RATE)
        return data

    def _window(self, speech: np.ndarray, fs: int, target_fs: int) -> np.ndarray:
        num_samples = round(self.window_seconds * target_fs)
        return fit_window(resample(speech, fs, target_fs), num_samples)
