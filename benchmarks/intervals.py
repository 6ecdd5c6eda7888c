"""How often 95 % intervals of utterance-level metrics hold the truth.

Corpora are simulated: labels and predictions have a part that all clips of a system
share, as in listening tests. The truth is the metric over tens of thousands of systems.

    python -m benchmarks.intervals
"""

import argparse
import datetime
from typing import Dict, Iterator, NamedTuple, Tuple

import numpy as np

from espnet_samos.evaluation.metrics import METRICS, intervals
from espnet_samos.utils.environment import machine

TRUTH_SYSTEMS = 40_000


class Shape(NamedTuple):
    """A kind of corpus.

    Attributes:
        systems: Number of systems.
        clips: Clips of a system; a random number up to twice this if `unequal`.
        unequal: Whether systems have different numbers of clips.
        spread: Standard deviation of systems' quality.
        bias: Standard deviation of how much the predictor favours a system.
    """

    systems: int
    clips: int
    unequal: bool = False
    spread: float = 0.6
    bias: float = 0.4


SHAPES = (
    Shape(6, 30),
    Shape(10, 30),
    Shape(20, 20, unequal=True),
    Shape(60, 8),
    Shape(10, 30, spread=1.0, bias=0.2),
    Shape(20, 20, spread=0.2, bias=0.6),
    Shape(12, 1),
    Shape(300, 1, spread=0.0, bias=0.0),
)


def draw(
    shape: Shape, rng: np.random.Generator
) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw a corpus: system, label and prediction of each clip, (NClips,) each."""
    count = shape.systems
    sizes = np.full(count, shape.clips)
    if shape.unequal:
        sizes = rng.integers(1, 2 * shape.clips, count)
    system = np.repeat(np.arange(count), sizes)
    quality = 3 + shape.spread * rng.standard_normal(count)
    label = quality[system] + 0.5 * rng.standard_normal(len(system))
    favour = shape.bias * rng.standard_normal(count)
    noise = 0.4 * rng.standard_normal(len(system))
    prediction = 3 + 0.8 * (label - 3) + favour[system] + noise
    return system, label.clip(1, 5), prediction


def true_values(shape: Shape) -> Dict[str, float]:
    """Compute the metrics over so many systems that chance plays no part."""
    many = shape._replace(systems=TRUTH_SYSTEMS, clips=min(shape.clips, 5))
    if shape.unequal:
        many = many._replace(clips=shape.clips)
    _, label, prediction = draw(many, np.random.default_rng(99))
    return {name: m.function(label, prediction) for name, m in METRICS.items()}


def coverage(shape: Shape, num_corpora: int, seed: int = 0) -> Dict[str, float]:
    """Return for each metric the share of corpora whose interval holds the truth."""
    rng = np.random.default_rng(seed)
    truth = true_values(shape)
    hits = dict.fromkeys(METRICS, 0)
    for _ in range(num_corpora):
        system, label, prediction = draw(shape, rng)
        for name, (low, high) in intervals(label, prediction, system).items():
            hits[name] += low <= truth[name] <= high
    return {name: count / num_corpora for name, count in hits.items()}


def bootstrap_coverage(
    shape: Shape, num_corpora: int, over_systems: bool, num_resamples: int = 400
) -> float:
    """Return the same for the LCC's percentile bootstrap over clips or systems."""
    rng = np.random.default_rng(1)
    truth = true_values(shape)["lcc"]
    hits = 0
    for _ in range(num_corpora):
        system, label, prediction = draw(shape, rng)
        units = system if over_systems else np.arange(len(system))
        members = [np.flatnonzero(units == unit) for unit in np.unique(units)]
        values = []
        for _ in range(num_resamples):
            drawn = rng.integers(0, len(members), len(members))
            points = np.concatenate([members[i] for i in drawn])
            values.append(np.corrcoef(label[points], prediction[points])[0, 1])
        low, high = np.nanquantile(values, [0.025, 0.975])
        hits += low <= truth <= high
    return hits / num_corpora


def rows(num_corpora: int) -> Iterator[str]:
    """Yield the lines of a table."""
    names = [f"{name.upper():>6}" for name in METRICS]
    yield f"{'systems x clips':24}{''.join(names)}   LCC, bootstrap over clips, systems"
    for shape in SHAPES:
        kind = f"{shape.systems} x {shape.clips}{' unequal' if shape.unequal else ''}"
        kind += f", {shape.spread:g}/{shape.bias:g}"
        covered = "".join(f"{v:6.3f}" for v in coverage(shape, num_corpora).values())
        clips, systems = (
            bootstrap_coverage(shape, num_corpora // 4, over) for over in (False, True)
        )
        yield f"{kind:24}{covered}   {clips:.2f}, {systems:.2f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora", type=int, default=800, help="of each kind")
    args = parser.parse_args()
    print(f"{machine()}, {datetime.date.today()}: {args.corpora} corpora of each kind;")
    print("behind the comma: spread of systems' quality, and of the predictor's bias\n")
    for row in rows(args.corpora):
        print(row, flush=True)


if __name__ == "__main__":
    main()
