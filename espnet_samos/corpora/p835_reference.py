"""P.835 reference conditions of the P.808 Toolkit: MNRU and noise, 16 and 48 kHz.

Layout: `p835_reference_conditions` of microsoft/P.808, with clips
`c<condition>_<talker>.wav` in one folder for each of two tests, and
`CSP835_Ref_Conditions.xlsx` with a sheet for each. The label is the overall one; those
of signal and background are kept beside it (`mos_sig`, `mos_bak`). A system is a
condition within its test. The clean clips, `c0`, are the same in both, and were rated
in both.
"""

import re
from pathlib import Path
from typing import List, NamedTuple, Union

from espnet_samos.corpora.clip import Clip, ClipSets, make_utt_id
from espnet_samos.corpora.sources import GitHubFolder
from espnet_samos.corpora.spreadsheet import read_sheet
from espnet_samos.corpora.table import Row, log_left_out, parse_rows
from espnet_samos.utils.tables import DataError

WHERE = (
    "https://github.com/microsoft/P.808, folder p835_reference_conditions; "
    "licence: CC BY 4.0"
)
SPREADSHEET = "CSP835_Ref_Conditions.xlsx"


class Part(NamedTuple):
    """One of the two tests."""

    folder: str
    sheet: str


PARTS = {
    "fb48": Part("degraded_fullband_48KHz", "Fullband-results per file"),
    "wb16": Part("degraded_WB_16KHz", "16KHzWB-results per file"),
}
DOWNLOAD = GitHubFolder(
    repository="microsoft/P.808",
    commit="5b8c00a0654d836dbbd86cafab570fbab350f1ad",
    folder="p835_reference_conditions",
    patterns=(SPREADSHEET, *(f"{part.folder}/*.wav" for part in PARTS.values())),
)
NUM_CLIPS = {"p835_fb48": 78, "p835_wb16": 78}
SCORES = {"sig": "MOS_SIG", "bak": "MOS_BAK"}
COLUMNS = ("short_file_name", "n votes", "MOS_OVRL", "std_ovrl", *SCORES.values())


def prepare(corpus_dir: Union[str, Path], skip_bad_clips: bool = False) -> ClipSets:
    """Read both sets."""
    return {
        f"p835_{name}": _read_part(Path(corpus_dir), name, skip_bad_clips)
        for name in PARTS
    }


def _read_part(corpus_dir: Path, name: str, skip_bad_clips: bool) -> List[Clip]:
    folder = corpus_dir / PARTS[name].folder

    def parse(row: Row) -> Clip:
        file = row.text("short_file_name")
        match = re.fullmatch(r"(c\d+)_([a-z]+\d+)(?:\.wav)?", file)
        if match is None:
            raise DataError(
                f"short_file_name '{file}' is not c<condition>_<talker>.wav: correct it"
            )
        condition, talker = match.groups()
        speaker = f"p835_{talker}"
        path = row.file("short_file_name", folder, ".wav")
        return Clip(
            # The clips have the same names in both sets, of the same talkers.
            utt_id=make_utt_id(speaker, f"{name}_{path.stem}"),
            path=path,
            mos=row.mos("MOS_OVRL"),
            system=f"{name}_{condition}",
            speaker=speaker,
            mos_std=row.std("std_ovrl"),
            votes=row.count("n votes"),
            lang="en",
            scores=row.scores(SCORES),
        )

    table = corpus_dir / SPREADSHEET
    rows = read_sheet(table, PARTS[name].sheet, COLUMNS)
    where = f"{table}: sheet '{PARTS[name].sheet}'"
    clips = parse_rows(where, rows, parse, ("short_file_name",), skip_bad_clips)
    rated = {row["short_file_name"].removesuffix(".wav") for row in rows}
    files = sorted(folder.glob("*.wav"))
    unrated = [path.name for path in files if path.stem not in rated]
    log_left_out(where, "clips without a label", unrated)
    return clips
