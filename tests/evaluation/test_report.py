import numpy as np
import pytest
import torch

from espnet_samos.bin import mos_compare, mos_results
from espnet_samos.evaluation.metrics import differences, intervals
from espnet_samos.evaluation.report import comparison, set_table
from espnet_samos.evaluation.scoring import ScoringError, read_predictions, score_dir
from tests.scored import write_set, write_table

NOTE = "labels are made up"


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """Scores of three experiments, of growing error, on one set."""
    root = tmp_path_factory.mktemp("scored")
    scores = {}
    for name, noise in (("mos_a", 0.2), ("mos_b", 0.4), ("mos_c", 0.8)):
        folders = write_set(root, NOTE, noise, name)
        scores[name] = score_dir(*folders)
    return root, scores


def cells(text: str, *start: str):
    """The cells of the first row that starts with these cells."""
    for line in text.splitlines():
        row = [cell.strip() for cell in line.strip("|").split("|")]
        if row[: len(start)] == list(start):
            return row
    raise AssertionError(f"no row {start} in:\n{text}")


def test_set_table(scored):
    scores = scored[1]["mos_a"]
    text = set_table(scores)
    assert text.endswith(f"\n\nNote: {NOTE}")
    table = text.split("\n\n")[0].splitlines()
    assert len(table) == 2 + 4 * 2
    assert len({len(line) for line in table}) == 1
    result = scores["groups"]["48000"]["system"]
    row = cells(text, "48 kHz", "system")
    assert row[2] == str(result["n"]) == "8"
    lcc = result["lcc"]
    assert row[4] == f"{lcc['value']:.3f} [{lcc['low']:.3f}, {lcc['high']:.3f}]"
    assert row[7:] == ["", "", "", ""]
    assert cells(text, "all rates", "utterance")[8].endswith("%")


def test_languages_have_rows(scored):
    scores = scored[1]["mos_a"]
    english = scores["groups"]["16000"]
    text = set_table({**scores, "languages": {"en": english}})
    row = cells(text, "en", "utterance")
    assert row[2:] == cells(text, "16 kHz", "utterance")[2:]


def test_the_rule_of_a_narrow_column_has_dashes(scored):
    scores = scored[1]["mos_a"]
    result = scores["groups"]["48000"]
    few = {"utterance": {**result["utterance"], "n": 9}}
    groups = {"48000": {**result, **few}}
    assert result["system"]["n"] < 10
    rule = set_table({**scores, "groups": groups}).splitlines()[1]
    assert all("-" in cell for cell in rule.strip("|").split("|"))


def test_comparison_shows_every_seed_and_the_mean(scored):
    a, b, c = scored[1].values()
    text = comparison("mini_test", [("full", b), ("control", a), ("control", c)])
    utterance, system = text.split("### System level (16 systems)")
    assert "### Utterance level (96 clips)" in utterance
    assert text.count(f"Note: {NOTE}") == 2
    header = cells(utterance, "experiment")
    assert header[1:7] == ["MSE", "LCC", "SRCC", "KTAU", "LCC 16 kHz", "SRCC 16 kHz"]
    seeds = [s["groups"]["16000"]["utterance"]["lcc"]["value"] for s in (a, c)]
    for i, value in enumerate(seeds, 1):
        assert cells(utterance, f"control #{i}")[5] == f"{value:.3f}"
    expected = f"{np.mean(seeds):.3f}±{np.std(seeds, ddof=1):.3f}"
    assert cells(utterance, "control mean")[5] == expected
    mse = b["groups"]["overall"]["system"]["mse"]["value"]
    assert cells(system, "full")[1] == f"{mse:.3f}"
    assert "full mean" not in text


def test_undefined_values_are_shown_as_a_dash(scored):
    scores = scored[1]["mos_a"]
    value = {"value": None, "low": None, "high": None}
    level = {**scores["groups"]["overall"]["utterance"], "lcc": value}
    overall = {**scores["groups"]["overall"], "utterance": level}
    changed = {**scores, "groups": {**scores["groups"], "overall": overall}}
    assert cells(set_table(changed), "all rates", "utterance")[4] == "–"
    text = comparison("mini_test", [("x", changed), ("x", scores)])
    assert cells(text, "x #1")[2] == cells(text, "x mean")[2] == "–"


def test_a_predictor_without_variance(scored):
    scores = scored[1]["mos_a"]
    groups = {k: {**v, "variance": None} for k, v in scores["groups"].items()}
    text = set_table({**scores, "groups": groups})
    assert cells(text, "48 kHz", "utterance")[7:9] == ["–", "–"]
    assert cells(text, "48 kHz", "system")[7:9] == ["", ""]


def test_unlike_results_are_not_compared(scored):
    a, b, _ = scored[1].values()
    with pytest.raises(ScoringError, match="y was scored on mini_test, not on other"):
        comparison("other", [("y", a)])
    root = scored[0]
    folders = write_set(root / "other", NOTE, 0.4, "mos_b")
    labels = folders[0] / "mos"
    first, *others = labels.read_text().splitlines(keepends=True)
    labels.write_text("".join([f"{first.split()[0]} 3.3\n", *others]))
    other = score_dir(*folders)
    with pytest.raises(ScoringError, match="z was scored on other clips than y, or"):
        comparison("mini_test", [("y", b), ("z", other)])


def test_differences_have_paired_intervals(scored):
    a, b, c = scored[1].values()
    text = comparison("mini_test", [("full", a), ("control", b), ("control", c)])
    for level, clusters in (("utterance", True), ("system", None)):
        clips = [read_predictions(scores) for scores in (a, b, c)]
        if clusters is None:
            clips = [x.groupby("system")[["label", "prediction"]].mean() for x in clips]
        expected = differences(
            clips[0]["label"],
            [clips[0]["prediction"]],
            [x["prediction"] for x in clips[1:]],
            clips[0]["system"] if clusters else None,
        )
        difference, low, high = expected["lcc"]
        part = text.split("### ")[1 if level == "utterance" else 2]
        row = cells(part[part.index("minus full") - 2 :], "control")
        assert row[2] == f"{difference:+.3f} [{low:+.3f}, {high:+.3f}]"


def test_clips_of_two_systems_are_taken_as_independent(tmp_path):
    folders = write_set(tmp_path)
    utts = [x.split()[0] for x in (folders[0] / "utt2sys").read_text().splitlines()]
    write_table(folders[0] / "utt2sys", {u: f"s{i % 2}" for i, u in enumerate(utts)})
    scores = score_dir(*folders)
    assert scores["groups"]["overall"]["utterance"]["independent"] == "clips"
    assert cells(set_table(scores), "all rates", "utterance")[2] == "96*"
    clips = read_predictions(scores)
    low, high = intervals(clips["label"], clips["prediction"])["lcc"]
    lcc = scores["groups"]["overall"]["utterance"]["lcc"]
    assert (lcc["low"], lcc["high"]) == pytest.approx((low, high))


def test_results_of_an_experiment(scored, capsys):
    root, scores = scored
    exp_dir = root / "exp" / "mos_a"
    with pytest.raises(SystemExit, match="error: no <inference_tag>"):
        mos_results.main(["--exp_dir", str(root)])
    mos_results.main(["--exp_dir", str(exp_dir)])
    assert "training_curve.png is left out" in capsys.readouterr().out
    assert not (exp_dir / "training_curve.png").exists()

    stats = {1: {"valid": {"loss": 1.0, "lcc": 0.5}}}
    torch.save({"reporter": {"stats": stats, "epoch": 1}}, exp_dir / "checkpoint.pth")
    mos_results.main(["--exp_dir", str(exp_dir)])
    assert (exp_dir / "training_curve.png").is_file()
    text = (exp_dir / "RESULTS.md").read_text()
    assert f"- pytorch version: `{torch.__version__.split('+')[0]}" in text
    assert f"### inference/mini_test\n\n{set_table(scores['mos_a'])}\n" in text
    assert "(inference/mini_test/scatter.png)" in text


def test_compare_command(scored, capsys):
    path = scored[0] / "exp" / "mos_a" / "inference" / "mini_test" / "scores.json"
    mos_compare.main(["--set", "mini_test", f"x={path}"])
    expected = comparison("mini_test", [("x", scored[1]["mos_a"])])
    assert capsys.readouterr().out == expected + "\n"
    with pytest.raises(SystemExit):
        mos_compare.main(["--set", "mini_test", str(path)])
    assert "is not NAME=path/to/scores.json" in capsys.readouterr().err


def test_compare_command_shows_one_level(scored, capsys):
    path = scored[0] / "exp" / "mos_a" / "inference" / "mini_test" / "scores.json"
    mos_compare.main(["--set", "mini_test", "--level", "system", f"x={path}"])
    out = capsys.readouterr().out
    assert "System level" in out and "Utterance level" not in out
