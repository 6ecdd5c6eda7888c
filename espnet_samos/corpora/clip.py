"""The unit that corpora yield and data directories hold: one labelled clip."""

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional, Union

MAX_LISTED_PROBLEMS = 20


@dataclass(frozen=True)
class Clip:
    """One labelled clip of a corpus.

    Args:
        utt_id: Utterance id, without white space; starts with `speaker`.
        path: The audio file, at its native sampling rate.
        mos: Its label, 1..5; None where the corpus gives none.
        system: The system (condition) that made the clip.
        speaker: Speaker id; where speakers are unknown, the utterance id itself.
        fs: Sampling rate in Hz; None: as the file's header says.
        mos_std: Standard deviation of the ratings behind `mos`.
        votes: Number of these ratings.
        lang: Language code, as ISO 639-1 has it: `en`, `zh`.
    """

    utt_id: str
    path: Union[str, Path]
    mos: Optional[float]
    system: str
    speaker: str
    fs: Optional[int] = None
    mos_std: Optional[float] = None
    votes: Optional[int] = None
    lang: Optional[str] = None


def make_utt_id(corpus: str, name: str) -> str:
    """Make an utterance id that no other corpus has, without white space.

    Args:
        corpus: The corpus, or the corpus and the speaker.
        name: The clip's name within it.
    """
    return f"{corpus}-" + re.sub(r"[^\w.-]+", "_", name)


class DataError(ValueError):
    """Data that cannot be used; the message names every problem's place and cure."""


def report_problems(where: str, problems: List[str], skip: bool = False) -> None:
    """Refuse bad data with all of its problems, or say what is left out.

    Args:
        where: What was being read or written.
        problems: One line for each problem.
        skip: Log the problems, every one, as a warning: what has them is left out.

    Raises:
        DataError: There are problems and `skip` is not set. The message has their
            count, and the first 20 of them.
    """
    if not problems:
        return
    if skip:
        lines = [f"{where}: left out for {len(problems)} problem(s)", *problems]
        logging.warning("\n  ".join(lines))
        return
    lines = [f"{where}: {len(problems)} problem(s)", *problems[:MAX_LISTED_PROBLEMS]]
    if len(problems) > MAX_LISTED_PROBLEMS:
        lines.append(f"... and {len(problems) - MAX_LISTED_PROBLEMS} more")
    raise DataError("\n  ".join(lines))
