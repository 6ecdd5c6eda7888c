"""The reader of Kaldi data directories: a user's own, or what `data_dir` wrote."""

from collections import Counter
from pathlib import Path
from typing import Dict, List, Optional, Tuple, Union

from espnet_samos.corpora.clip import Clip, DataError, report_problems

NEEDED_FILES = {
    "mos": "a line '<utterance> <label>' for each clip",
    "utt2sys": "a line '<utterance> <system>' for each clip",
}

TABLES = (*NEEDED_FILES, "utt2spk", "mos_std", "utt2votes", "utt2lang")


def _read_lines(path: Path) -> List[Tuple[str, str]]:
    """Read `key value` lines; a value may have spaces."""
    pairs = []
    problems = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fields = line.split(maxsplit=1)
        if len(fields) == 2:
            pairs.append((fields[0], fields[1].strip()))
        else:
            problems.append(f"line {number}: '{line}' is not a key and a value")
    report_problems(str(path), problems)
    return pairs


def read_table(path: Union[str, Path]) -> Dict[str, str]:
    """Read `key value` lines, each key once; a value may have spaces.

    Raises:
        DataError: A line without a value, or a key that appears twice.
    """
    pairs = _read_lines(Path(path))
    table = dict(pairs)
    counts = Counter(key for key, _ in pairs)
    report_problems(
        str(path), [f"{key}: appears twice" for key in table if counts[key] > 1]
    )
    return table


def _number(text: Optional[str], kind: type = float) -> Union[float, str, None]:
    """Give a number; what is none stays as it is, for the writer to refuse."""
    try:
        return text if text is None else kind(text)
    except ValueError:
        return text


def read_data_dir(
    data_dir: Union[str, Path], wav_scp: Union[str, Path, None] = None
) -> List[Clip]:
    """Read the clips of a data directory, as they are.

    Args:
        data_dir: Has `wav.scp`, `mos`, `utt2sys` and, if known, `utt2spk`,
            `mos_std`, `utt2votes`, `utt2lang`. Without `utt2spk` each clip is its own
            speaker.
        wav_scp: Where the audio is, if not as the directory's `wav.scp` says.

    Returns:
        A clip for each line of `wav.scp`; what is wrong with single clips is for
        `write_data_dir` to find.

    Raises:
        DataError: A file is missing or malformed, or a table has utterances that
            `wav.scp` does not have.
    """
    data_dir = Path(data_dir)
    for name, content in NEEDED_FILES.items():
        if not (data_dir / name).is_file():
            raise DataError(f"no {data_dir / name}: write one, {content}")
    tables = {
        name: read_table(data_dir / name) if (data_dir / name).is_file() else {}
        for name in TABLES
    }
    paths = _read_lines(Path(wav_scp or data_dir / "wav.scp"))
    known = {utt for utt, _ in paths}
    problems = [
        f"{name}: {utt} is not in wav.scp"
        for name, table in tables.items()
        for utt in sorted(set(table) - known)
    ]
    report_problems(str(data_dir), problems)
    return [
        Clip(
            utt_id=utt,
            path=path,
            mos=_number(tables["mos"].get(utt)),
            system=tables["utt2sys"].get(utt, ""),
            speaker=tables["utt2spk"].get(utt, utt),
            mos_std=_number(tables["mos_std"].get(utt)),
            votes=_number(tables["utt2votes"].get(utt), int),
            lang=tables["utt2lang"].get(utt),
        )
        for utt, path in paths
    ]
