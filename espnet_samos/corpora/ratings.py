"""From single ratings to labels."""

import statistics
from pathlib import Path
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence

from espnet_samos.corpora.clip import Clip, make_utt_id
from espnet_samos.utils.tables import DataError, report_problems

# How far a label may be from the mean of its ratings: labels are rounded.
MEAN_TOLERANCE = 0.01


class Rating(NamedTuple):
    """What one listener gave one clip."""

    path: Path
    system: str
    value: float  # 1..5
    line: int  # of the table


def rating_std(values: Sequence[float]) -> Optional[float]:
    """Return the sample standard deviation (over n - 1); None for a single rating."""
    return statistics.stdev(values) if len(values) > 1 else None


def check_mean(ratings: Sequence[float], label: float, column: str) -> float:
    """Return the mean of ratings; the label where there are none.

    Args:
        ratings: Single ratings of a clip.
        label: The label that was published.
        column: Where it is from, for messages.

    Raises:
        DataError: The label is not the mean of the ratings, give or take 0.01.
    """
    if not ratings:
        return label
    mean = statistics.fmean(ratings)
    if abs(mean - label) > MEAN_TOLERANCE:
        raise DataError(
            f"{column} {label:g} is not the mean of the ratings, {mean:.4f}: correct "
            "the label or the ratings"
        )
    return mean


def clips_from_ratings(
    ratings: Iterable[Rating],
    corpus: str,
    lang: str,
    where: str,
    folder: Optional[Path] = None,
) -> List[Clip]:
    """Make a clip of each rated file, labelled with the mean of its ratings.

    Args:
        ratings: The ratings, in any order.
        corpus: First part of the utterance ids.
        lang: Language of all clips.
        where: The ratings' table, for messages.
        folder: Where names of files are not unique: the folder within which paths tell
            them apart.

    Raises:
        DataError: A file was rated as of two systems.
    """
    by_path: Dict[Path, List[Rating]] = {}
    problems = []
    for rating in ratings:
        rated = by_path.setdefault(rating.path, [])
        rated.append(rating)
        first = rated[0]
        if rating.system != first.system:
            problems.append(
                f"line {rating.line}: {rating.path.name} is of system {rating.system}, "
                f"but of {first.system} on line {first.line}: correct one of them"
            )
    report_problems(where, problems)
    clips = []
    for path, rated in by_path.items():
        values = [rating.value for rating in rated]
        name = path.relative_to(folder).with_suffix("") if folder else path.stem
        clips.append(
            Clip(
                utt_id=make_utt_id(corpus, str(name)),
                path=path,
                mos=statistics.fmean(values),
                system=rated[0].system,
                mos_std=rating_std(values),
                votes=len(values),
                lang=lang,
            )
        )
    return clips
