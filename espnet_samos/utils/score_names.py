"""Further scores beside the MOS: their names, and the tables that have their labels.

The score `noi` is `mos_noi` in data directories, tables, predictions and columns.
"""

import re
from pathlib import Path
from typing import Dict, Optional, Sequence, Tuple, Union

MOS = "mos"
# mos_std and so on are something else already
RESERVED = ("std", "scale", "bandwidth", "error")
RULE = f"use small letters and digits, not {', '.join(RESERVED)}"


def is_score_name(name: str) -> bool:
    """Return whether a further score can be called so."""
    return bool(re.fullmatch("[a-z0-9]+", name)) and name not in (MOS, *RESERVED)


def table_name(score: str) -> str:
    """Return what a further score is called in files."""
    return f"{MOS}_{score}"


def score_of(table: str) -> Optional[str]:
    """Return the further score that a table or column has; None if it has none."""
    score = table.removeprefix(f"{MOS}_")
    return score if score != table and is_score_name(score) else None


def score_tables(directory: Union[str, Path]) -> Dict[str, Path]:
    """Return the tables `mos_<name>` of a directory, by name, sorted."""
    tables = {score_of(path.name): path for path in Path(directory).glob(f"{MOS}_*")}
    return {
        name: tables[name]
        for name in sorted(name for name in tables if name is not None)
        if tables[name].is_file()
    }


def check_scores(scores: Sequence[str]) -> Tuple[str, ...]:
    """Return the names of a model's scores, the MOS first.

    Raises:
        ValueError: The first is another, or one is named twice or cannot be a name.
    """
    first, further = tuple(scores[:1]), tuple(scores[1:])
    if first != (MOS,) or len(set(further)) < len(further):
        raise ValueError(
            f"head_conf.scores is {list(scores)}: name {MOS} first, and each once"
        )
    wrong = [name for name in further if not is_score_name(name)]
    if wrong:
        raise ValueError(
            f"head_conf.scores has '{wrong[0]}', which cannot be a score's name: {RULE}"
        )
    return (*first, *further)
