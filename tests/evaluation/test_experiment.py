import re

import numpy as np
import pytest
import yaml

from espnet_samos.bin import mos_experiment
from espnet_samos.evaluation.experiment import lies_outside, read_published, row_title
from espnet_samos.evaluation.scoring import ScoringError, score_dir
from tests.scored import write_set
from tests.test_conf import CONF

ROWS = ["ssl_layer_mos/train", "sa_ssl_mos/two_step"]
NOISE = {ROWS[0]: (0.3, 0.5, 0.7), ROWS[1]: (0.2,)}
PUBLISHED = {
    "mini_test": {
        "rows": {
            ROWS[0]: {"utterance": {"mse": [9.0, 0.1], "lcc": [0.5, 0.9], "srcc": 0.1}}
        },
        "others": {"Somebody's": {"system": {"ktau": 0.123}}},
    }
}


@pytest.fixture
def experiment(tmp_path):
    """Two rows, of three runs and one, as the recipe leaves them."""
    lcc = {}
    for row, noises in NOISE.items():
        for run, noise in enumerate(noises, 1):
            name = f"{row}/run{run}"
            ref_dir, pred_dir = write_set(tmp_path, "made up", noise, name)
            scores = score_dir(ref_dir, pred_dir)
            result = scores["groups"]["overall"]["utterance"]
            lcc.setdefault(row, []).append(result["lcc"]["value"])
            result = scores["groups"]["24000"]["utterance"]
            lcc.setdefault(f"{row} 24 kHz", []).append(result["lcc"]["value"])
    (tmp_path / "published.yaml").write_text(yaml.safe_dump(PUBLISHED))
    return tmp_path / "exp", lcc


def run(exp_dir, *options, rows=ROWS):
    mos_experiment.main(
        [
            *("--exp_dir", str(exp_dir), "--rows", *rows),
            *("--test_sets", "mini_test", "--inference_tag", "inference"),
            *("--train_set", "small", "--pretrain_set", "large", *options),
        ]
    )
    return (exp_dir / "RESULTS.md").read_text()


def row_cells(text, title):
    """All rows with this title, without it."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    return [row[1:] for row in rows if row[0] == title]


def test_tables_have_the_spread_of_runs_beside_published_figures(experiment, capsys):
    exp_dir, lcc = experiment
    text = run(exp_dir, "--published", str(exp_dir.parent / "published.yaml"))
    assert capsys.readouterr().out.strip() == text.strip()
    # utterance level, system level, within rates
    several, _, by_rate = row_cells(text, "SSL-Layer-MOS, small")
    values = lcc[ROWS[0]]
    expected = f"{np.mean(values):.3f}±{np.std(values, ddof=1):.3f}"
    assert several[0] == "3" and several[2] == expected
    assert several[1].endswith("†") and not several[3].endswith("†")
    assert row_cells(text, "LCC") == [["16 kHz", "24 kHz", "48 kHz"]]
    values = lcc[f"{ROWS[0]} 24 kHz"]
    assert by_rate[1] == f"{np.mean(values):.3f}±{np.std(values, ddof=1):.3f}"
    one, *_ = row_cells(text, "SA-SSL-MOS, large → small")
    assert one[0] == "1" and one[2] == f"{lcc[ROWS[1]][0]:.3f}"
    assert row_cells(text, "— published") == [
        ["", "9.000±0.100", "0.500±0.900", "0.100", "–"]
    ]
    assert row_cells(text, "Somebody's, published")[1] == ["", "–", "–", "–", "0.123"]
    assert text.count("Note: made up") == 3
    assert "†: our mean is outside" in text
    assert (exp_dir / "mini_test.png").read_bytes()[1:4] == b"PNG"


def test_without_published_figures_nothing_is_marked(experiment):
    text = run(experiment[0])
    assert "†" not in text and "published" not in text


def test_runs_on_other_clips_are_refused(experiment):
    exp_dir, _ = experiment
    path = exp_dir / ROWS[0] / "run2/inference/mini_test/scores.json"
    path.write_text(re.sub('"clips": "..', '"clips": "xx', path.read_text()))
    with pytest.raises(SystemExit, match="error: .*clips"):
        run(exp_dir)


def test_a_row_without_runs_is_named(experiment):
    with pytest.raises(SystemExit, match="no .*sa_ssl_mos/train/run.* run the train"):
        run(experiment[0], rows=["sa_ssl_mos/train"])
    with pytest.raises(SystemExit, match="no row 'sa_ssl_mos/all'"):
        run(experiment[0], rows=["sa_ssl_mos/all"])


@pytest.mark.parametrize(
    "values, figure, expected",
    [
        ([0.80, 0.84], (0.83, 0.01), False),
        ([0.80, 0.838], (0.83, 0.01), True),
        ([0.80, 0.84], (0.80, 0.01), True),
        ([0.80], (0.83, None), False),
        ([None, 0.1], (0.83, 0.01), False),
        ([0.80], None, False),
    ],
)
def test_the_mark(values, figure, expected):
    assert lies_outside(values, figure) is expected


def test_published_figures_of_the_paper_are_read():
    published = read_published(CONF / "paper/published.yaml")
    rows = published["audiomos_test"]["rows"]
    assert len(rows) == 6 and all(row_title(row, "a", "b") for row in rows)
    assert rows["sa_ssl_mos/two_step"]["utterance"]["lcc"] == (0.848, 0.008)
    others = published["audiomos_test"]["others"]
    assert all(len(levels["system"]) == 4 for levels in others.values())


@pytest.mark.parametrize(
    "text", ["a: b: c", "- a", "set: {rows: {r: {utterance: {mos: 1}}}}", "{a: {b: 1}}"]
)
def test_other_files_are_no_published_figures(tmp_path, text):
    path = tmp_path / "figures.yaml"
    path.write_text(text)
    with pytest.raises(ScoringError, match="figures.yaml is no file of published"):
        read_published(path)
    with pytest.raises(ScoringError, match="cannot read .*none.yaml"):
        read_published(tmp_path / "none.yaml")
