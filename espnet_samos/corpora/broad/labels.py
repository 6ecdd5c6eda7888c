"""The labels of the broad corpus: what listeners would say, at one remove.

Nobody listened to these clips. A label is computed from

- what two predictors say that were trained on people's ratings, Distill-MOS and DNSMOS
  (P.808), both relative to what they say of the clip's clean original, for their scores
  depend on the voice as well;
- how much the spectrum below 8 kHz changed in the clip's worst moments
  (`distortion.py`), and more so where there are drop-outs or an echo, which both are
  too lenient about;
- whether its noise follows the speech (MNRU), which both are too lenient about as well;
- what was lost and added above 8 kHz (`bands.py`), which neither can see.

The constants were fitted to the mean ratings of the conditions of listening tests,
which other voices were put through (`benchmarks/label_rule.py`), except for
`MODULATED_NOISE`, `SUDDEN_DISTORTION`, `HIGHEST` and the common constant: these were
chosen by what models make of them on rated clips.
"""

import math
from typing import Any, Dict, Mapping

import numpy as np

from espnet_samos.corpora.broad.kinds import MODULATED, SUDDEN
from espnet_samos.corpora.broad.non_speech import NON_SPEECH

# What each says of clean recorded speech; a clean original counts as that.
CLEAN = {"distillmos": 4.14, "dnsmos_p808": 3.89}
# Some voices are strange to them even where they are clean.
MAX_RATIO = 2.0
# Weights of the scores, of ln(distortion in dB + 0.5), and a constant: between what
# fits the three tests one by one
WITH_DISTORTION = 0.58, 0.67, -0.56, -1.95
# Where the clip is not in time with its original
WITHOUT_DISTORTION = 0.87, 1.50, 0.0, -7.08
# Where there is any. Fitted with the others held it is -0.6, which a model follows in
# part: this is what its scores need.
MODULATED_NOISE = -0.8
# Weight of ln(distortion in dB + 0.5), where that is above 0, besides the other one:
# chosen like `MODULATED_NOISE`
SUDDEN_DISTORTION = -0.4
LOWEST, HIGHEST = 1.0, 4.9
# How much of the quality goes with all that is above 8 kHz, and with as much noise.
LOST_SHARE = 0.15
ADDED_SHARE = 0.10


def partial_labels(measures: Mapping[str, Any]) -> Dict[str, float]:
    """Compute what the label is composed of, each from 1 to 5.

    Args:
        measures: Scores of the clip and, with the ending `_clean`, of its original, by
            the names of `CLEAN`; `distortion` in dB, None where the clip is not in time
            with its original; `lost` and `added`, 0 to 1; `system`, the names of what
        happened to it, `+` between them.

    Returns:
        `low`, the quality below 8 kHz; `band`, how much of the band above is there; and
        `upper`, how clean it is.
    """
    kinds = set(measures["system"].split("+"))
    if NON_SPEECH in kinds:
        return dict(low=LOWEST, band=5.0, upper=5.0)
    scores = []
    for name, clean in CLEAN.items():
        of_clean = max(measures[f"{name}_clean"] - 1, (clean - 1) / MAX_RATIO)
        scores.append(1 + (measures[name] - 1) * (clean - 1) / of_clean)
    distortion = measures["distortion"]
    log_distortion = math.log((distortion or 0.0) + 0.5)
    weights = WITHOUT_DISTORTION if distortion is None else WITH_DISTORTION
    logit = float(np.dot(weights, [*scores, log_distortion, 1.0]))
    if kinds & MODULATED:
        logit += MODULATED_NOISE
    if kinds & SUDDEN:
        logit += SUDDEN_DISTORTION * max(0.0, log_distortion)
    quality = 1 / (1 + math.exp(-logit))
    return dict(
        low=LOWEST + (HIGHEST - LOWEST) * quality,
        band=5 - 4 * measures["lost"],
        upper=5 - 4 * measures["added"],
    )


def label(partial: Mapping[str, float]) -> float:
    """Compute the label of a clip, 1 to 4.9, of its partial labels."""
    lost, added = ((5 - partial[name]) / 4 for name in ("band", "upper"))
    kept = 1 - LOST_SHARE * lost - ADDED_SHARE * added
    return LOWEST + (partial["low"] - LOWEST) * kept
