"""Scores of sound as it arrives."""

from typing import Any, List, Optional

from espnet_samos.audio.reading import Mixer, as_rate, as_samples
from espnet_samos.audio.windows import WindowCutter, check_hop
from espnet_samos.inference.predictor import MosPredictor
from espnet_samos.inference.result import WindowScore


class LiveScorer:
    """Scores a stream window by window, in memory that does not grow.

    The scores are those of `MosPredictor.predict_windows` on the whole.

    Args:
        fs: Sampling rate of the stream in Hz, 8000 to 384000.
        predictor: The trained model; by default the packaged one.
        hop_seconds: From the beginning of a window to that of the next; by default
            half a window.

    Raises:
        AudioError: The rate is another.
        ValueError: An impossible hop.

    Example:
        scorer = LiveScorer(48000)
        for samples in microphone:
            for score in scorer.push(samples):
                print(score.end, score.mean)
        last = scorer.finish()
    """

    def __init__(
        self,
        fs: int,
        predictor: Optional[MosPredictor] = None,
        hop_seconds: Optional[float] = None,
    ):
        self.predictor = predictor or MosPredictor.from_pretrained()
        seconds = self.predictor.window_seconds
        if hop_seconds is None:
            hop_seconds = seconds / 2
        check_hop(hop_seconds, seconds)
        preprocess = self.predictor.preprocess
        self.mixer = Mixer(preprocess.multichannel)
        self.cutter = WindowCutter(
            as_rate(fs),
            preprocess.rates(),
            seconds,
            hop_seconds,
            pad_short_clips=preprocess.pad_short_clips,
        )

    def push(self, samples: Any) -> List[WindowScore]:
        """Take the next samples and return the scores of windows that became complete.

        Args:
            samples: As `MosPredictor.predict` takes them, any number of them; those of
                several channels have the samples first.

        Returns:
            The scores in order, mostly none. A silent window has NaN.

        Raises:
            AudioError: The samples cannot be scored.
        """
        mono = self.mixer(as_samples(samples, channels_last=True))
        return self.predictor.score_windows(list(self.cutter.push(mono)))

    def finish(self) -> List[WindowScore]:
        """Return the scores of the windows that end with the stream.

        Raises:
            AudioError: It was shorter than 0.1 s.
        """
        return self.predictor.score_windows(list(self.cutter.finish()))
