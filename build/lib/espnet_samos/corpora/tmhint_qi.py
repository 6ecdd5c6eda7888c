"""TMHINT-QI: Taiwanese Mandarin in noise, and enhanced, 16 kHz.

Layout: single ratings in `raw_data.csv` with `idx,method,uttr,snr,noise,quality_score,
intelligibility_score,file_name`; clips `<file_name>.wav` in `train` or `test`. A system
is a method with a noise and a signal-to-noise ratio.
"""

from pathlib import Path
from typing import Union

from espnet_samos.corpora.clip import ClipSets
from espnet_samos.corpora.ratings import Rating, clips_from_ratings
from espnet_samos.corpora.split import split_off
from espnet_samos.corpora.table import Row, file_within, parse_rows, read_rows
from espnet_samos.utils.tables import report_problems

WHERE = "https://github.com/yuwchen/InQSS; licence: MIT"
NUM_CLIPS = {"tmhint_qi_train": 11644, "tmhint_qi_valid": 1293, "tmhint_qi_test": 1978}
COLUMNS = tuple(
    "idx method uttr snr noise quality_score intelligibility_score file_name".split()
)


def prepare(corpus_dir: Union[str, Path], skip_bad_clips: bool = False) -> ClipSets:
    """Read the corpus; its labels are those of quality, not of intelligibility.

    One training clip in ten is held back for validation.
    """
    corpus_dir = Path(corpus_dir)
    table = corpus_dir / "raw_data.csv"
    train_files = {path.name for path in (corpus_dir / "train").glob("*.wav")}

    def parse(row: Row) -> Rating:
        name = f"{row.text('file_name').removesuffix('.wav')}.wav"
        folder = "train" if name in train_files else "test"
        path = file_within(corpus_dir / folder, name)
        # Speech without noise has no noise to name.
        parts = [row.name("method"), row["noise"], row["snr"]]
        system = "_".join("_".join(part.split()) for part in parts if part)
        return Rating(path, system, row.mos("quality_score"), row.line)

    rows = read_rows(table, COLUMNS)
    # The corpus is published with lines that have no rating.
    unrated = [row for row in rows if not row["quality_score"]]
    problems = [f"line {row.line}: no rating" for row in unrated]
    report_problems(str(table), problems, skip=True)
    rows = [row for row in rows if row["quality_score"]]
    ratings = parse_rows(table, rows, parse, COLUMNS, skip_bad_clips)
    clips = clips_from_ratings(ratings, "tmhint_qi", "zh", str(table))
    train = [clip for clip in clips if clip.path.parent.name == "train"]
    test = [clip for clip in clips if clip.path.parent.name == "test"]
    train, valid = split_off(train, every=10)
    return {"tmhint_qi_train": train, "tmhint_qi_valid": valid, "tmhint_qi_test": test}
