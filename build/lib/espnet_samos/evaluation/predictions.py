"""Predictions of whole sets, on disk, so that nothing is scored twice. No torch here.

`<output_dir>/<predictor>/<set>` is an inference directory as `scoring` reads it: `mos`
and, from a predictor that gives them, `mos_std`. `made_from.json`, written last, has
what the predictions were made from and what they cost.
"""

import hashlib
import json
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Mapping, Sequence, Tuple, Union

from espnet_samos.utils.files import write_text
from espnet_samos.utils.tables import read_lines

MADE_FROM = "made_from.json"
DIGITS = 6
# A clip's name, its scores by predictor, each a mean or (mean, standard deviation),
# and its length in seconds
Scored = Tuple[str, Mapping[str, Union[float, Tuple[float, float]]], float]


def digest_of(wav_scp: Union[str, Path]) -> str:
    """Compute a digest of the clips of a `wav.scp`: names, files, sizes and times.

    Raises:
        DataError: The list cannot be read.
    """
    digest = hashlib.sha256()
    for name, place in read_lines(Path(wav_scp)):
        path = Path(place)
        known = path.stat() if path.is_file() else None
        size = (known.st_size, known.st_mtime_ns) if known else None
        digest.update(f"{name} {place} {size}\n".encode())
    return digest.hexdigest()[:16]


def is_done(pred_dir: Path, made_from: Mapping[str, Any]) -> bool:
    """Return whether predictions are there, whole, and made from just this."""
    try:
        text = (pred_dir / MADE_FROM).read_text(encoding="utf-8")
        return json.loads(text)["made_from"] == made_from
    except (OSError, ValueError, KeyError, TypeError):
        return False


def predict_once(
    output_dir: Union[str, Path],
    test_set: str,
    names: Sequence[str],
    made_from: Mapping[str, Any],
    score: Callable[[], Iterable[Scored]],
) -> bool:
    """Score a set with one predictor, unless that is done, and write the predictions.

    Args:
        output_dir: Has a folder for each predictor, and in that one for each set.
        test_set: Name of the set.
        names: The predictors that are scored at once, such as the scores of one peer.
        made_from: What the predictions depend on.
        score: Is called to score all clips.

    Returns:
        Whether clips were scored.
    """
    folders = {name: Path(output_dir) / name / test_set for name in names}
    if all(is_done(folder, made_from) for folder in folders.values()):
        return False
    tables: Dict[str, Dict[str, str]] = {name: {} for name in names}
    stds: Dict[str, Dict[str, str]] = {name: {} for name in names}
    audio_seconds = 0.0
    scored = score()  # which loads the predictor: not among its costs
    start = time.process_time()
    for clip, scores, seconds in scored:
        audio_seconds += seconds
        for name, value in scores.items():
            if isinstance(value, tuple):
                value, std = value
                stds[name][clip] = f"{clip} {std:.{DIGITS}f}\n"
            tables[name][clip] = f"{clip} {value:.{DIGITS}f}\n"
    cost = {
        "cpu_seconds": round(time.process_time() - start, 2),
        "audio_seconds": round(audio_seconds, 2),
    }
    for name, folder in folders.items():
        folder.mkdir(parents=True, exist_ok=True)
        for file in (MADE_FROM, "mos", "mos_std"):
            (folder / file).unlink(missing_ok=True)
        if stds[name]:
            write_text(folder / "mos_std", "".join(stds[name].values()))
        write_text(folder / "mos", "".join(tables[name].values()))
        text = json.dumps({"made_from": made_from, **cost}, indent=2)
        write_text(folder / MADE_FROM, text + "\n")
    return True


def cost_of(pred_dir: Union[str, Path]) -> float:
    """Return the CPU seconds that a second of audio took, reading included."""
    made = json.loads((Path(pred_dir) / MADE_FROM).read_text(encoding="utf-8"))
    return made["cpu_seconds"] / made["audio_seconds"]
