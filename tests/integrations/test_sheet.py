import csv

import numpy as np
import pytest
import soundfile

from espnet_samos import MosPredictor
from espnet_samos.inference.clip_list import InputError, list_clips
from espnet_samos.integrations.sheet import score_sheet
from tests.tiny_model import save_model, speechlike


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    return MosPredictor.from_pretrained(save_model(tmp_path_factory.mktemp("exp")))


@pytest.fixture
def benchmark(tmp_path):
    """A table with the columns that SHEET's data preparation writes."""
    lines = ["wav_path,system_id,sample_id,avg_score"]
    for i, fs in enumerate((16000, 48000, 24000)):
        path = tmp_path / f"sys{i}-utt,{i}.wav"
        soundfile.write(path, speechlike(0.6, fs, i) * (i + 1) / 3, fs, "FLOAT")
        lines.append(f'"{path}",00{i},utt{i},{2 + i}.250')
    file = tmp_path / "bvcc_test.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


def read(path):
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


def test_every_row_gets_its_answer_and_keeps_the_rest(predictor, benchmark, tmp_path):
    score_sheet(benchmark, predictor).to_csv(tmp_path / "answered.csv", index=False)
    before, after = read(benchmark), read(tmp_path / "answered.csv")
    assert len(set(row["answer"] for row in after)) == 3
    for old, new in zip(before, after, strict=True):
        samples, fs = soundfile.read(old["wav_path"], dtype="float32")
        answer = float(new.pop("answer"))
        assert answer == pytest.approx(predictor.predict(samples, fs).mean, abs=1e-5)
        assert new == old  # 001 is no number, and 3.250 not 3.25


def test_what_cannot_be_scored_has_no_answer_and_says_why(
    predictor, benchmark, tmp_path
):
    with open(benchmark, "a") as f:
        f.write("/missing.wav,003,utt3,1.0\n")
    table = score_sheet(benchmark, predictor, num_workers=0)
    assert np.isnan(table["answer"][3]) and table["answer"][:3].notna().all()
    assert "no such file" in table["error"][3] and table["error"][:3].isna().all()
    # as the page writes it: SHEET makes a number of every answer
    table.dropna(subset=["answer"]).to_csv(tmp_path / "answered.csv", index=False)
    assert [float(row["answer"]) for row in read(tmp_path / "answered.csv")] == (
        pytest.approx(list(table["answer"][:3]))
    )


def test_a_clip_with_several_ratings_is_read_once(predictor, benchmark, monkeypatch):
    text = benchmark.read_text()
    benchmark.write_text(text + text.split("\n", 1)[1])
    given = []
    score = predictor.predict_clips

    def predict_clips(clips, **options):
        given.extend(clips)
        return score(clips, **options)

    monkeypatch.setattr(predictor, "predict_clips", predict_clips)
    table = score_sheet(benchmark, predictor)
    assert len(given) == 3 and len(table) == 6
    assert list(table["answer"][:3]) == list(table["answer"][3:])


def test_the_command_takes_the_files_of_a_table(benchmark, tmp_path):
    paths = [row["wav_path"] for row in read(benchmark)]
    assert list_clips([str(benchmark)]) == [(path, path) for path in paths]
    other = tmp_path / "other.csv"
    other.write_text("file,mos\nx.wav,3\n")
    with pytest.raises(InputError, match="no column wav_path"):
        list_clips([str(other)])
    with pytest.raises(InputError, match="cannot be read"):
        list_clips([str(tmp_path / "missing.csv")])


def test_a_table_of_something_else_is_refused(predictor, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("file,mos\nx.wav,3\n")
    with pytest.raises(ValueError, match="no column wav_path"):
        score_sheet(other, predictor)
