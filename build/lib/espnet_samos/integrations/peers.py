"""Scoring clips with published predictors of others."""

from typing import Any, Dict, Iterable, Iterator, Tuple

import numpy as np

from espnet_samos.audio.reading import AudioError, check_audio
from espnet_samos.inference.clips import Source, open_source
from espnet_samos.peers.abs_peer import AbsPeer


def score_clips(
    peer: AbsPeer, clips: Iterable[Tuple[str, Source]]
) -> Iterator[Tuple[str, Dict[str, Any], float]]:
    """Score clips as `MosPredictor.predict_clips` takes them.

    Several channels are mixed down, as the predictor does it.

    Yields:
        The name of each clip, its scores by name, and its length in seconds.

    Raises:
        AudioError: A clip cannot be scored; the message names it.
    """
    for name, source in clips:
        try:
            blocks = open_source(source, "downmix", name)
            samples = np.concatenate([np.zeros(0, np.float32), *blocks])
            check_audio(samples, blocks.fs)
            scores = peer.scores(samples, blocks.fs)
        except Exception as e:
            raise AudioError(f"{name} cannot be scored by {peer.package}: {e}") from e
        yield name, scores, len(samples) / blocks.fs
