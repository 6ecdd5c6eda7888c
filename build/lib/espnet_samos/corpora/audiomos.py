"""AudioMOS Challenge 2025, Track 3: speech at 16, 24 and 48 kHz.

Two layouts are known, and told apart by what is there. That of the challenge has the
ratings of each listener:

    DATA/wav/*.wav                      or wav/*.wav
    train/utt_{16k,24k,48k}.csv         uttID,lisID,rating: a test for each rate
    val/{utt,sys}_mix_val.csv           the same clips, rated in one test of all rates
    test/{utt,sys}_mix_test.csv         other clips, rated in one test of all rates

That of the published SA-SSL-MOS code has the labels:

    audiomos2025_train/DATA/{wav/,train.csv,val.csv}        sysID,uttID,rating
    audiomos2025_eval/DATA/{wav/,eval.csv}
"""

import dataclasses
import logging
import re
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Dict, List, Tuple, Union

from espnet_samos.corpora.clip import Clip, ClipSets, make_utt_id
from espnet_samos.corpora.ratings import Rating, clips_from_ratings
from espnet_samos.corpora.split import split_off
from espnet_samos.corpora.table import Row, parse_rows, read_rows
from espnet_samos.utils.tables import DataError, report_problems

WHERE = (
    "https://sites.google.com/view/voicemos-challenge/audiomos-challenge-2025; "
    "licence: not stated"
)
NUM_CLIPS = {"audiomos_train": 320, "audiomos_valid": 80, "audiomos_test": 400}
PUBLISHED_TABLES = {
    "audiomos_train": "audiomos2025_train/DATA/train.csv",
    "audiomos_valid": "audiomos2025_train/DATA/val.csv",
    "audiomos_test": "audiomos2025_eval/DATA/eval.csv",
}
LABELS = ("mixed", "separate")
PREFIX = "audiomos-track3-"
# The system means that are published are rounded, if at all, to more digits.
MEAN_TOLERANCE = 0.01


def prepare(
    corpus_dir: Union[str, Path], labels: str = "mixed", skip_bad_clips: bool = False
) -> ClipSets:
    """Read the corpus; hold one training clip in five back where it has no validation.

    Args:
        corpus_dir: The corpus' folder, in either layout.
        labels: Which test the labels of `audiomos_train` and `audiomos_valid` are
            from: `mixed`, where clips of all rates were rated side by side, as those
            of `audiomos_test` were; or `separate`, one test for each rate. The
            published code's layout has one kind only.
        skip_bad_clips: As for every corpus.

    Raises:
        DataError: Something is wrong with a table, or the means of the systems are
            not those that were published.
    """
    corpus_dir = Path(corpus_dir)
    if labels not in LABELS:
        raise DataError(f"labels '{labels}': choose one of {', '.join(LABELS)}")
    for root in (corpus_dir, corpus_dir / "DATA"):
        if (root / "val").is_dir():
            return _read_challenge(root, corpus_dir, labels, skip_bad_clips)
    if (corpus_dir / "audiomos2025_train").is_dir():
        if labels != "mixed":
            raise DataError(
                f"{corpus_dir}: only the challenge's layout has labels '{labels}'"
            )
        return {
            name: _read_published(corpus_dir / table, skip_bad_clips)
            for name, table in PUBLISHED_TABLES.items()
        }
    raise DataError(
        f"{corpus_dir}: neither a folder val (the challenge's layout) nor "
        "audiomos2025_train (the published code's): give the folder that has one"
    )


def _read_challenge(root: Path, corpus_dir: Path, labels: str, skip: bool) -> ClipSets:
    wav_dirs = [corpus_dir / "DATA/wav", corpus_dir / "wav"]
    wav_dir = next((path for path in wav_dirs if path.is_dir()), wav_dirs[0])
    sets = {}
    for name in ("val", "test"):
        systems_table = root / name / f"sys_mix_{name}.csv"
        system_means = _read_system_means(systems_table, skip)
        read = partial(
            _read_ratings,
            wav_dir=wav_dir,
            # The longest first: one system's name may begin with another's.
            systems=sorted(system_means, key=len, reverse=True),
            systems_table=systems_table,
            skip=skip,
        )
        sets[name] = read(root / name / f"utt_mix_{name}.csv")
        _check_system_means(sets[name], system_means, root / name, skip)
        if name == "val" and labels == "separate":
            sets["val"] = [
                clip
                for rate in ("16k", "24k", "48k")
                for clip in read(root / f"train/utt_{rate}.csv")
            ]
    train, valid = split_off(sets["val"], every=5)
    return dict(audiomos_train=train, audiomos_valid=valid, audiomos_test=sets["test"])


def _read_system_means(table: Path, skip: bool) -> Dict[str, float]:
    """Return the published mean label of each system."""

    def parse(row: Row) -> Tuple[str, float]:
        system = row.name("sysID").removeprefix(PREFIX)
        _rate(system)
        return system, row.mos("MOS")

    rows = read_rows(table, ("sysID", "MOS"))
    return dict(parse_rows(table, rows, parse, ("sysID",), skip))


def _read_ratings(
    table: Path, wav_dir: Path, systems: List[str], systems_table: Path, skip: bool
) -> List[Clip]:
    def parse(row: Row) -> Rating:
        path = row.file("uttID", wav_dir, ".wav")
        name = path.stem.removeprefix(PREFIX)
        system = next((s for s in systems if name.startswith(f"{s}_")), None)
        if system is None:
            raise DataError(
                f"'{path.stem}' begins with no sysID of {systems_table}: correct one "
                "of the tables"
            )
        return Rating(path, system, row.mos("rating"), row.line)

    columns = ("uttID", "lisID", "rating")
    ratings = parse_rows(table, read_rows(table, columns), parse, columns, skip)
    clips = clips_from_ratings(ratings, "audiomos", "en", str(table))
    return [dataclasses.replace(clip, fs=_rate(clip.path.stem)) for clip in clips]


def _read_published(table: Path, skip: bool) -> List[Clip]:
    def parse(row: Row) -> Clip:
        path = row.file("uttID", table.parent / "wav", ".wav")
        fs = _rate(path.stem)
        system = row.name("sysID").removeprefix(PREFIX)
        # sys1 of one rate is not sys1 of another.
        if not system.startswith(f"{fs // 1000}k_"):
            system = f"{fs // 1000}k_{system}"
        return Clip(
            utt_id=make_utt_id("audiomos", path.stem),
            path=path,
            mos=row.mos("rating"),
            system=system,
            fs=fs,
            lang="en",
        )

    rows = read_rows(table, ("sysID", "uttID", "rating"))
    return parse_rows(table, rows, parse, ("uttID",), skip)


def _rate(name: str) -> int:
    """Return the sampling rate in Hz that a clip's or a system's name says."""
    match = re.match(rf"(?:{PREFIX})?(\d+)k_", name)
    if match is None:
        raise DataError(f"'{name}' does not begin with [{PREFIX}]<rate>k_: rename it")
    return 1000 * int(match[1])


def _check_system_means(
    clips: List[Clip], published: Dict[str, float], folder: Path, skip: bool
) -> None:
    """Check that the means of the ratings are those that were published."""
    labels: Dict[str, List[float]] = {}
    for clip in clips:
        assert clip.mos is not None  # it is the mean of the clip's ratings
        labels.setdefault(clip.system, []).append(clip.mos)
    means = {system: fmean(values) for system, values in labels.items()}
    problems = [
        f"system {system}: published with MOS {mos:.3f}, "
        + (f"rated {means[system]:.3f}" if system in means else "not rated")
        + ": restore the lines that were changed or are missing"
        for system, mos in published.items()
        if abs(means.get(system, 0) - mos) > MEAN_TOLERANCE
    ]
    where = f"{folder}: utt_mix_{folder.name}.csv and sys_mix_{folder.name}.csv differ"
    if skip and problems:
        # Clips that were left out change the means.
        logging.warning("\n  ".join([where, *problems]))
    else:
        report_problems(where, problems)
