import csv
import dataclasses
import io
import json

import numpy as np
import pytest

from espnet_samos.corpora.metric_scp import read_metric_scp
from espnet_samos.inference.output_formats import COLUMNS, FORMATS, to_pandas
from espnet_samos.inference.result import MosResult, Score

GOOD = MosResult(
    name="a, b.wav",
    mean=3.14159,
    std=0.5,
    duration=2.0,
    fs=48000,
    bandwidth=20000.0,
    num_windows=1,
    warnings={"short": "why", "clipping": "why"},
    label_note="proxy",
)
BAD = MosResult(name="bad.wav", error="bad.wav: silent")


def test_pandas_has_a_row_for_each_result():
    table = to_pandas(iter([GOOD, BAD]))
    assert tuple(table.columns) == COLUMNS
    assert list(table["name"]) == ["a, b.wav", "bad.wav"]
    assert table["mean"][0] == 3.14159 and np.isnan(table["mean"][1])
    assert (table["low"][0], table["high"][0]) == GOOD.interval
    assert list(table["warnings"]) == ["short clipping", ""]
    assert table["error"][1] == "bad.wav: silent" and table["error"].notna().sum() == 1
    assert table["mean"].dtype == float and table["fs"].dtype == int
    assert table.groupby("fs")["mean"].mean()[48000] == 3.14159
    assert tuple(to_pandas([]).columns) == COLUMNS


def test_sheet_lines_are_a_table_of_files_and_answers():
    head, line, with_failed = FORMATS["sheet"]
    (row,) = csv.DictReader(io.StringIO(f"{head(())}\n{line(GOOD)}\n"))
    assert row == {"wav_path": "a, b.wav", "system_id": "", "answer": "3.14159"}
    in_folder = line(dataclasses.replace(GOOD, name="/clips/codec_a/1.wav"))
    assert in_folder == "/clips/codec_a/1.wav,codec_a,3.14159"
    assert not with_failed  # SHEET reads every answer as a number


def test_metric_lines_are_read_as_labels(tmp_path):
    _, line, with_failed = FORMATS["metric"]
    named = dataclasses.replace(GOOD, name="utt1")
    (tmp_path / "metric.scp").write_text(f"{line(named)}\n")
    assert read_metric_scp(tmp_path / "metric.scp") == {"utt1": "3.1416"}
    assert not with_failed


@pytest.mark.parametrize("name", ["csv", "sheet"])
def test_lines_have_the_columns_of_the_head(name):
    head, line, _ = FORMATS[name]
    assert len(next(csv.reader([line(GOOD)]))) == len(head(()).split(","))


SCORES = {"noi": Score(2.5, 0.25), "low": Score(4.0, 0.5)}


def test_further_scores_have_columns_of_their_own():
    good = dataclasses.replace(GOOD, scores=SCORES)
    bad = dataclasses.replace(BAD, scores=dict.fromkeys(SCORES, Score()))
    head, line, _ = FORMATS["csv"]
    lines = [head(list(SCORES)), line(good), line(bad)]
    row, empty = csv.DictReader(lines)
    # the interval's `low` is another column
    assert (row["low"], row["mos_low"]) == ("2.1616", "4.0")
    assert (row["mos_noi"], row["mos_noi_std"]) == ("2.5", "0.25")
    assert empty["mos_noi"] == empty["mos_low_std"] == ""
    table = to_pandas([good, bad])
    assert list(table.columns) == lines[0].split(",")
    assert table["mos_noi"][0] == 2.5 and np.isnan(table["mos_noi"][1])
    row = json.loads(FORMATS["json"].line(good))
    assert row["mos_low_std"] == 0.5 and "scores" not in row
    assert json.loads(FORMATS["json"].line(bad))["mos_low"] is None
    (_, _, metrics) = FORMATS["metric"].line(good).partition("wav ")
    assert json.loads(metrics) == {"mos": 3.1416, "noi": 2.5, "low": 4.0}
    head, line, _ = FORMATS["table"]
    where = head(list(SCORES)).index("noi") + 3  # its end
    assert line(good)[:where].endswith(" 2.50±0.25")
