"""Comparing two systems on the same utterances. No torch here."""

from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from scipy import stats

MIN_PAIRS = 2


class Comparison(NamedTuple):
    """How the scores of a system B differ from those of a system A."""

    num_pairs: int  # utterances that both have
    mean_a: float
    mean_b: float
    difference: float  # mean of B - A
    low: float  # lower end of its 95 % confidence interval
    high: float
    wins: float  # share of the utterances, 0..1, on which B is the better one


def compare(
    a: Sequence[float],
    b: Sequence[float],
    differences: Optional[Sequence[float]] = None,
) -> Comparison:
    """Compare paired scores, (NPairs,) each, with the interval of Student's t test.

    The interval covers what other utterances would have given. That the predictor may
    favour one of the systems is not in it.

    Args:
        a: Scores of system A.
        b: Those of system B.
        differences: B - A, where that is not the difference of the scores.

    Raises:
        ValueError: Fewer than two pairs.
    """
    scores_a, scores_b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if len(a) < MIN_PAIRS:
        raise ValueError(f"{len(a)} pairs: an interval needs {MIN_PAIRS} or more")
    difference = scores_b - scores_a if differences is None else np.array(differences)
    mean = float(difference.mean())
    margin = float(stats.t.ppf(0.975, len(a) - 1) * stats.sem(difference))
    return Comparison(
        num_pairs=len(a),
        mean_a=float(scores_a.mean()),
        mean_b=float(scores_b.mean()),
        difference=mean,
        low=mean - margin,
        high=mean + margin,
        wins=float(np.mean(difference > 0)),
    )


def describe(comparison: Comparison, a: str, b: str, learnt: bool = False) -> str:
    """Write a comparison of systems named a and b for people to read.

    Args:
        learnt: The scores are utilities, whose means say nothing.
    """
    c = comparison
    if c.low > 0:
        verdict = f"{b} is predicted to be better."
    elif c.high < 0:
        verdict = f"{a} is predicted to be better."
    else:
        verdict = "These utterances show no difference."
    width = max(len(a), len(b))
    means = f"{a:{width}}  mean {c.mean_a:.3f}\n{b:{width}}  mean {c.mean_b:.3f}\n"
    return (
        f"{'' if learnt else means}"
        f"difference {c.difference:+.3f}, 95 % confidence interval {c.low:+.3f} .. "
        f"{c.high:+.3f} ({c.num_pairs} pairs; {b} is better in {100 * c.wins:.0f} %)\n"
        f"{verdict}"
    )


def pair_files(
    files_a: Sequence[str], root_a: Path, files_b: Sequence[str], root_b: Path
) -> Tuple[List[Tuple[str, str, str]], List[str]]:
    """Pair files by their paths within two folders, whatever their suffixes.

    Returns:
        Name and both files of each pair, sorted, and the files without a partner.

    Raises:
        ValueError: A folder has one name twice, with two suffixes.
    """
    a, b = _by_name(files_a, root_a), _by_name(files_b, root_b)
    pairs = [(name, a[name], b[name]) for name in sorted(a.keys() & b.keys())]
    alone = [({**a, **b})[name] for name in sorted(a.keys() ^ b.keys())]
    return pairs, alone


def _by_name(files: Sequence[str], root: Path) -> Dict[str, str]:
    by_name: Dict[str, str] = {}
    for file in files:
        name = str(Path(file).relative_to(root).with_suffix(""))
        if name in by_name:
            raise ValueError(
                f"{by_name[name]} and {file} have one name: keep one of them"
            )
        by_name[name] = file
    return by_name
