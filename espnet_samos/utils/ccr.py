"""The scale of comparisons of two clips, A and then B: above 0, B is better."""

import math

# 3: the second clip is much better than the first; -3: much worse (comparison category
# rating, ITU-T P.800, annex E)
LIMIT = 3.0


def comparison(difference: float) -> float:
    """Return the comparison, -3 to 3, that a difference of utilities predicts.

    It is odd, and close to the difference where that is small.
    """
    return LIMIT * math.tanh(difference / LIMIT)
