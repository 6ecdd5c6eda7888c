"""The scale of comparisons of two clips, A and B: above 0, A is better."""

import math

# 3 is much better, -3 much worse (comparison category rating, ITU-T P.800, annex E)
LIMIT = 3.0


def comparison(difference: float) -> float:
    """Return the comparison, -3 to 3, that a difference of utilities predicts.

    It is odd, and close to the difference where that is small.
    """
    return LIMIT * math.tanh(difference / LIMIT)
