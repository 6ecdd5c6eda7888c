"""Figures on rated clips, against plain numpy and scipy."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from espnet_samos.evaluation.metrics import (
    correlation_ceiling,
    differences,
    fitted_mse,
    lcc_within,
)
from espnet_samos.evaluation.predictions import MADE_FROM, cost_of, predict_once
from espnet_samos.evaluation.rated import (
    compute_figures,
    errors,
    find_sets,
    group_systems,
    rate_set,
)
from espnet_samos.evaluation.rated_plots import condition_means, errors_by_group
from espnet_samos.evaluation.rated_report import (
    clips_table,
    set_section,
    write_report,
)
from espnet_samos.evaluation.report import set_table
from espnet_samos.evaluation.scoring import (
    ScoringError,
    read_clips,
    read_scale,
    score_dir,
)
from tests.scored import write_table

MADE = {"package": "made up 1"}


def write_rated(root, name="noises", scale=None, noise=0.3):
    """Write a set of 8 systems and 4 speakers with two predictors of it."""
    rng = np.random.default_rng(0)
    ref_dir = root / "data" / name
    kinds = [f"{kind}_{i}" for kind in ("echo", "chop") for i in range(4)]
    clips = {f"spk{s}-{kind}": (s, kind) for s in range(4) for kind in kinds}
    quality = dict(zip(kinds, np.linspace(1.3, 4.7, 8), strict=True))
    label = {c: quality[k] + rng.normal(0, 0.2) for c, (_, k) in clips.items()}
    low, high = scale or (1, 5)
    stretch = (high - low) / 4
    mos = {c: low + stretch * (m - 1) for c, m in label.items()}
    write_table(ref_dir / "mos", mos)
    write_table(ref_dir / "mos_std", dict.fromkeys(clips, 0.9 * stretch))
    write_table(ref_dir / "utt2votes", dict.fromkeys(clips, 9))
    write_table(ref_dir / "utt2sys", {c: kind for c, (_, kind) in clips.items()})
    write_table(ref_dir / "utt2spk", {c: f"spk{s}" for c, (s, _) in clips.items()})
    write_table(ref_dir / "utt2fs", dict.fromkeys(clips, 16000))
    write_table(ref_dir / "wav.scp", {c: f"/nowhere/{c}.wav" for c in clips})
    (ref_dir / "label_note").write_text("made up\n")
    if scale:
        (ref_dir / "mos_scale").write_text(f"{low} {high}\n")
    pred_dirs = {}
    for predictor, error in (("ours", noise), ("theirs", 3 * noise)):
        made = {c: m + rng.normal(0, error) for c, m in label.items()}
        with_std = predictor == "ours"
        scored = [
            (c, {predictor: (m, 0.3) if with_std else m}, 2.0) for c, m in made.items()
        ]
        assert predict_once(root, name, [predictor], MADE, lambda s=scored: s)
        pred_dirs[predictor] = root / predictor / name
    return ref_dir, pred_dirs


@pytest.fixture
def rated(tmp_path):
    return rate_set(*write_rated(tmp_path))


def test_figures_of_a_predictor(rated):
    clips, figures = rated.clips["theirs"], rated.figures["theirs"]
    x, y = clips["label"].to_numpy(), clips["prediction"].to_numpy()
    assert figures["utterance"]["lcc"]["value"] == pytest.approx(
        np.corrcoef(x, y)[0, 1]
    )
    assert figures["utterance"]["mse"]["value"] == pytest.approx(np.mean((x - y) ** 2))
    means = clips.groupby("system")[["label", "prediction"]].mean()
    srcc = stats.spearmanr(means["label"], means["prediction"]).statistic
    assert figures["system"]["srcc"]["value"] == pytest.approx(srcc)
    within = [
        np.corrcoef(c["label"], c["prediction"])[0, 1]
        for _, c in clips.groupby("speaker")
    ]
    assert figures["within"] == {"lcc": pytest.approx(np.mean(within)), "speakers": 4}
    slope, offset = np.polyfit(y, x, 1)
    fitted = np.mean((slope * y + offset - x) ** 2)
    assert figures["fitted_mse"] == pytest.approx(fitted)
    reliability = (np.var(x, ddof=1) - 0.3**2) / np.var(x, ddof=1)
    assert figures["ceiling"] == pytest.approx(np.sqrt(reliability))
    first = rated.clips["ours"]["prediction"]
    expected = differences(x, [first], [y], clips["system"])["lcc"]
    assert figures["difference"]["lcc"] == pytest.approx(list(expected))
    assert rated.figures["ours"]["difference"]["lcc"] == [0, 0, 0]


def test_coverage_of_ours_alone(rated):
    assert rated.figures["theirs"]["variance"] is None
    clips = rated.clips["ours"]
    error = np.abs(clips["label"] - clips["prediction"])
    variance = rated.figures["ours"]["variance"]
    assert variance["coverage"] == np.mean(error <= 1.96 * 0.3)
    allowed = np.mean(error <= 1.96 * np.hypot(0.3, 0.9 / 3))
    assert variance["coverage_with_label_error"] == allowed > variance["coverage"]


def test_errors_mean_nothing_on_another_scale(tmp_path):
    ref_dir, pred_dirs = write_rated(tmp_path, scale=(0, 100))
    figures = rate_set(ref_dir, pred_dirs).figures["ours"]
    mos = rate_set(*write_rated(tmp_path / "mos")).figures["ours"]
    for level in ("utterance", "system"):
        assert set(figures[level]["mse"].values()) == {None}
        lcc = mos[level]["lcc"]["value"]
        assert figures[level]["lcc"]["value"] == pytest.approx(lcc)
    assert figures["variance"] is None and figures["fitted_mse"] is None
    assert figures["difference"]["mse"] == [None] * 3
    assert figures["ceiling"] == pytest.approx(mos["ceiling"])
    # and likewise in the recipe
    scores = score_dir(ref_dir, pred_dirs["ours"])
    overall = json.loads((pred_dirs["ours"] / "scores.json").read_text())["groups"]
    assert overall["overall"]["utterance"]["mse"]["value"] is None
    assert overall["overall"]["within"]["speakers"] == 4
    row = set_table(scores).splitlines()[2].strip("|").split("|")
    within, ceiling = figures["within"]["lcc"], figures["ceiling"]
    assert [cell.strip() for cell in row[3:4] + row[-4:]] == [
        *("–", "–", "–", f"{within:.3f} (4)", f"{ceiling:.3f}")
    ]


@pytest.mark.parametrize("text", ["", "1", "5 1", "1 nan", "a b", "1 5\n0 100"])
def test_a_malformed_scale_is_refused(tmp_path, text):
    assert read_scale(tmp_path) == (1, 5)
    (tmp_path / "mos_scale").write_text(" 0 100 \n")
    assert read_scale(tmp_path) == (0, 100)
    (tmp_path / "mos_scale").write_text(text)
    with pytest.raises(
        ScoringError, match="(?s)mos_scale: .* is not .* write the lowest"
    ):
        read_scale(tmp_path)


def test_undefined_figures_of_few_clips(rated):
    clips = rated.clips["ours"].head(2)
    figures = compute_figures(clips, clips)
    assert figures["within"] == {"lcc": None, "speakers": 0}
    assert figures["ceiling"] is None and figures["fitted_mse"] is None
    clips = clips.drop(columns=["speaker", "label_error"])
    figures = compute_figures(clips, clips)
    assert figures["within"] is None and figures["ceiling"] is None
    assert np.isnan(lcc_within([], [], [])[0]) and np.isnan(fitted_mse([], []))
    # labels that are nothing but error
    assert correlation_ceiling([1, 2, 3], [2, 2, 2]) == 0


@pytest.mark.parametrize(
    "systems, groups",
    [
        (["NOISE_01", "NOISE_02", "CHOP_1"], ["NOISE", "NOISE", "CHOP"]),
        (["c1", "c12", "lyra6"], ["c", "c", "lyra"]),
        (["Lyra_6", "Proposed_1.38_16kHz", "ref"], ["Lyra", "Proposed_1.38", "ref"]),
        (["c1", "c12"], ["c1", "c12"]),
        (["16", "_x"], ["16", "_x"]),
    ],
)
def test_groups_of_systems(systems, groups):
    assert group_systems(systems) == groups


def test_many_groups_are_others():
    systems = [f"{name}_{i}" for name in "abcdefghijklmnopqrst" for i in range(2)]
    groups = group_systems([*systems, "t_3"])
    assert len(set(groups)) == 16 and groups[-1] == "t" and "others" in groups


def test_predictions_are_made_once(tmp_path):
    calls = []

    def score(values=(3.0, (2.0, 0.5))):
        calls.append(values)
        return [("a", {"x": values[0], "y": values[1]}, 1.5)]

    args = (tmp_path, "set", ["x", "y"])
    assert predict_once(*args, MADE, score) and not predict_once(*args, MADE, score)
    assert len(calls) == 1
    assert (tmp_path / "x/set/mos").read_text() == "a 3.000000\n"
    assert (tmp_path / "y/set/mos_std").read_text() == "a 0.500000\n"
    assert not (tmp_path / "x/set/mos_std").exists()
    assert 0 <= cost_of(tmp_path / "x/set") < 1
    # made from something else, or not finished
    assert predict_once(*args, {**MADE, "clips": "other"}, score)
    (tmp_path / "y/set" / MADE_FROM).write_text("{")
    assert predict_once(*args, {**MADE, "clips": "other"}, score)

    def fail():
        yield from score()
        raise ValueError("killed")

    with pytest.raises(ValueError, match="killed"):
        predict_once(*args, MADE, fail)
    assert (tmp_path / "x/set/mos").exists()  # those of before, with what made them
    assert not predict_once(*args, {**MADE, "clips": "other"}, score)


def test_sets_are_found_and_checked(tmp_path):
    ref_dir, _ = write_rated(tmp_path)
    write_rated(tmp_path, "codecs")
    sets = find_sets([tmp_path / "data", ref_dir])
    assert sets == {"codecs": ref_dir.with_name("codecs"), "noises": ref_dir}
    other, _ = write_rated(tmp_path / "other")
    with pytest.raises(ScoringError, match="have one name: rename"):
        find_sets([ref_dir, other])
    with pytest.raises(ScoringError, match="neither a data directory.*samos prepare"):
        find_sets([tmp_path / "ours"])
    lines = (ref_dir / "wav.scp").read_text().splitlines(keepends=True)
    (ref_dir / "wav.scp").write_text("".join(lines[1:]))
    with pytest.raises(ScoringError, match="spk0-chop_0 and 0 more are in wav.scp or"):
        find_sets([ref_dir])
    (ref_dir / "utt2sys").unlink()
    with pytest.raises(ScoringError, match="noises lacks utt2sys"):
        find_sets([ref_dir])


def test_report(rated, tmp_path):
    path = write_report([rated], tmp_path / "out", ["x needs y: pip install y"])
    text = path.read_text()
    assert "Left out: x needs y: pip install y." in text and "- machine: `" in text
    assert set_section(rated) in text
    lines = [line for line in text.splitlines() if line.startswith("| theirs")]
    lcc = rated.figures["theirs"]["utterance"]["lcc"]
    cell = f"{lcc['value']:.3f} [{lcc['low']:.3f}, {lcc['high']:.3f}]"
    assert cell in lines[0] and "(4)" in lines[0] and " – " in lines[0]
    assert f"{rated.figures['theirs']['difference']['srcc'][0]:+.3f} [" in lines[1]
    assert "32 clips of 8 systems; ratings on 1..5; ceiling" in text
    for name in ("noises.png", "noises_groups.png"):
        assert (path.with_name(name)).read_bytes()[1:4] == b"PNG"
    content = json.loads(path.with_name("rated.json").read_text())["sets"]["noises"]
    assert content["predictors"]["ours"] == rated.figures["ours"]
    table = pd.read_csv(path.with_name("clips.csv"))
    assert len(table) == 2 * 32 and table["predictor"].nunique() == 2
    expected = clips_table([rated])
    assert np.allclose(table["prediction"], expected["prediction"], atol=1e-5)
    assert set(table["group"]) == {"echo", "chop"}


def test_plots_have_a_panel_per_predictor_and_a_colour_per_group(rated):
    figure = condition_means(rated)
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title().split(":")[0] for axes in panels] == ["ours", "theirs"]
    for axes in panels:
        offsets = [c.get_offsets() for c in axes.collections]
        assert [len(points) for points in offsets] == [4, 4]
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["chop", "echo"]
    left, right = errors_by_group(rated).axes
    chop = (rated.clips["theirs"]["group"] == "chop").to_numpy()
    error = errors(rated.clips["theirs"], rated.scale)[chop].mean()
    drawn = [line for line in left.lines if len(line.get_xdata()) == 2]
    assert any(np.isclose(line.get_xdata()[0], error) for line in drawn)
    assert right.get_xlabel() == "LCC of clips within the group"


def test_plots_on_another_scale(tmp_path):
    ref_dir, pred_dirs = write_rated(tmp_path, scale=(0, 100))
    rated = rate_set(ref_dir, pred_dirs)
    assert condition_means(rated).axes[0].get_xlim()[1] > 80
    left = errors_by_group(rated).axes[0]
    assert left.get_xlabel() == "mean error, fitted, share of the scale"
    fitted = errors(read_clips(ref_dir, pred_dirs["ours"]), (0, 100))
    assert abs(fitted.mean()) < 1e-9 and fitted.std() < 0.2
