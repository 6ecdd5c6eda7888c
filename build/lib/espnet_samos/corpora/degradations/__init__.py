"""Degradations of speech: functions of samples, sampling rate and generator.

Every function takes samples (NSamples,) at `fs` Hz and returns as many, in time with
the input; its other arguments set the severity. Random ones draw from `rng`, and
the others take it only to be called alike.
"""

from typing import Callable

import numpy as np

# (samples (NSamples,), fs in Hz, random generator) -> samples (NSamples,)
Degradation = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]
