"""The proxy label of the mini corpus: computed by ViSQOL, not a human opinion."""

import functools
from typing import Any, Dict, Tuple

import numpy as np

from espnet_samos.audio.resampling import resample
from espnet_samos.corpora.mini.speech import REFERENCE_FS

SPEECH_MODE_FS = 16000
# What audio mode gives to a clip compared with itself.
MAX_AUDIO_SCORE = 4.7321


def proxy_label(reference: np.ndarray, samples: np.ndarray, fs: int) -> float:
    """Return the mean of ViSQOL's audio mode, stretched to 1..5, and speech mode.

    Audio mode (48 kHz) is little more than a detector of bandwidth, and speech mode
    (16 kHz) cannot see above 8 kHz: each measures what the other does not.

    Args:
        reference: Clean speech (NSamples,) at 48 kHz.
        samples: The clip (NSamples',), in time with the reference.
        fs: The clip's sampling rate in Hz.
    """
    scores = []
    for mode, mode_fs in zip(_visqol(), (REFERENCE_FS, SPEECH_MODE_FS), strict=True):
        pair = (
            resample(x, x_fs, mode_fs).astype(np.float64)
            for x, x_fs in ((reference, REFERENCE_FS), (samples, fs))
        )
        scores.append(mode.measure_from_arrays(*pair, mode_fs).moslqo)
    audio, speech = scores
    audio = 1 + (audio - 1) * 4 / (MAX_AUDIO_SCORE - 1)
    return round(float(np.clip((audio + speech) / 2, 1, 5)), 4)


@functools.lru_cache(maxsize=1)
def _visqol() -> Tuple:
    from visqol import VisqolApi

    audio_mode, speech_mode = VisqolApi(), VisqolApi()
    # Clips are in time with their reference: aligning them again costs a third of
    # the time and could only go wrong.
    in_time: Dict[str, Any] = {
        "disable_global_alignment": True,
        "disable_realignment": True,
    }
    audio_mode.create(mode="audio", **in_time)
    # The polynomial mapping: the other one needs an optional package, and labels
    # must not depend on what is installed.
    speech_mode.create(mode="speech", use_lattice_model=False, **in_time)
    return audio_mode, speech_mode
