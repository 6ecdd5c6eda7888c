"""Two clips compared. No torch here."""

import math
from statistics import NormalDist
from typing import NamedTuple, Optional

from espnet_samos.inference.result import MosResult
from espnet_samos.utils.ccr import comparison


class PairResult(NamedTuple):
    """How much better clip B is than clip A.

    With the clips exchanged, `mean` changes its sign, `std` stays, and `b_better` is
    its complement; of equal clips, `mean` is 0 and `b_better` is 1/2.

    Attributes:
        name: What the pair was called.
        mean: The predicted comparison, above 0 where B is better: -3 to 3 where it was
            learnt, else the difference of the scores; NaN after an error.
        std: Its predicted standard deviation. Of a difference of scores, it is that of
            independent errors: versions of one utterance have some in common, so that
            it is rather too large for them.
        a: The score of clip A; where the comparison was learnt, `mean` and `std` are
            its utility and the root of its dispersion.
        b: That of clip B.
        learnt: Whether the model was trained on pairs.
        error: Why there is no comparison; None if there is one.
    """

    name: str
    mean: float
    std: float
    a: MosResult
    b: MosResult
    learnt: bool
    error: Optional[str] = None

    @property
    def b_better(self) -> float:
        """The probability, 0 to 1, that listeners would find B better."""
        if math.isnan(self.mean):
            return math.nan
        return NormalDist().cdf(self.mean / self.std)


def compare_results(name: str, a: MosResult, b: MosResult, learnt: bool) -> PairResult:
    """Compare two clips that were scored, or whose utilities were predicted."""
    errors = [result.error for result in (a, b) if result.error is not None]
    difference = b.mean - a.mean
    return PairResult(
        name=name,
        mean=comparison(difference) if learnt else difference,
        std=math.hypot(a.std, b.std),
        a=a,
        b=b,
        learnt=learnt,
        error="; ".join(errors) or None,
    )
