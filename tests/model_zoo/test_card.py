from pathlib import Path

import pytest
import yaml

from espnet_samos.bin import mos_model_card
from espnet_samos.evaluation.scoring import score_dir
from espnet_samos.utils.environment import machine
from tests.scored import write_set

ROOT = Path(__file__).parents[2]
NOTE = "labels are made up"
CONFIG = dict(
    ssl_frontend="distillmos",
    ssl_frontend_conf=dict(layer=0),
    spectrogram_frontend=None,
    preprocessor_conf=dict(window_seconds=3.0),
    train_data_path_and_name_and_type=[
        ["/home/me/dump/raw/my_train/wav.scp", "speech", "sound"],
        ["/home/me/dump/raw/my_train/mos", "mos", "text_float"],
    ],
    init_param=["/home/me/exp/pretrain/valid.lcc.best.pth"],
    max_epoch=7,
)


@pytest.fixture
def experiment(tmp_path):
    """An experiment that was scored on one set, and its scores."""
    ref_dir, pred_dir = write_set(tmp_path, NOTE)
    scores = score_dir(ref_dir, pred_dir)
    exp_dir = pred_dir.parent.parent
    (exp_dir / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    return exp_dir, scores


def write(exp_dir, *options):
    mos_model_card.main(
        ["--exp_dir", str(exp_dir), "--inference_tag", "inference", *options]
    )


def test_facts_are_those_of_the_scores(experiment):
    exp_dir, scores = experiment
    write(exp_dir, "--description", "made up")
    card = yaml.safe_load((exp_dir / "card.yaml").read_text())
    assert card["description"] == "made up"
    assert card["label_note"] == NOTE
    assert set(card["results"]) == {"mini_test"}
    results = card["results"]["mini_test"]
    assert list(results) == ["overall", "16000", "24000", "48000"]
    for group, values in results.items():
        expected = scores["groups"][group]["utterance"]
        assert values.pop("n") == expected["n"]
        assert set(values) == {"mse", "lcc", "srcc", "ktau"}
        for name, value in values.items():
            assert value == pytest.approx(expected[name]["value"], abs=1e-4)


def test_page_says_what_the_labels_are_and_names_no_folder(experiment, tmp_path):
    exp_dir, scores = experiment
    about = tmp_path / "about.md"
    about.write_text("Never shout at it.\n")
    out = tmp_path / "out"
    write(
        exp_dir,
        *("--output_dir", str(out), "--name", "little", "--about", str(about)),
        *("--command", "make little"),
    )
    assert not (exp_dir / "README.md").exists()
    text = (out / "README.md").read_text()
    assert text.startswith("# little\n")
    # before anything else, and with the figures
    assert text.index(f"**Its {NOTE}.**") < text.index("Never shout at it.")
    assert f"Note: {NOTE}" in text.split("### mini_test")[1]
    lcc = scores["groups"]["48000"]["utterance"]["lcc"]
    assert f"{lcc['value']:.3f} [{lcc['low']:.3f}, {lcc['high']:.3f}]" in text
    assert "- ssl_frontend: distillmos (layer 0)\n" in text
    assert "- spectrogram_frontend: None\n" in text
    assert "- train set: my_train\n- trained on from: pretrain\n" in text
    assert f"- machine: `{machine()}`" in text and "- command: `make little`" in text
    assert "/home/me" not in text and str(tmp_path) not in text


def test_undefined_values_are_null(experiment):
    exp_dir, _ = experiment
    path = exp_dir / "inference/mini_test/scores.json"
    text = path.read_text()
    start = text.index('"value"', text.index('"lcc"'))
    path.write_text(f'{text[:start]}"value": null{text[text.index(",", start) :]}')
    write(exp_dir)
    card = yaml.safe_load((exp_dir / "card.yaml").read_text())
    assert card["results"]["mini_test"]["overall"]["lcc"] is None
    assert card["results"]["mini_test"]["16000"]["lcc"] is not None


def test_what_is_missing_is_named(experiment):
    exp_dir, _ = experiment
    with pytest.raises(SystemExit, match="no .*/other/<set>/scores.json"):
        mos_model_card.main(["--exp_dir", str(exp_dir), "--inference_tag", "other"])
    (exp_dir / "config.yaml").unlink()
    with pytest.raises(SystemExit, match="config.yaml"):
        write(exp_dir)


def test_the_template_has_to_be_filled_in(experiment, tmp_path):
    exp_dir, _ = experiment
    template = ROOT / "conf/about.md"
    with pytest.raises(SystemExit, match="line 4 .*What it is for"):
        write(exp_dir, "--about", str(template))
    assert not (exp_dir / "README.md").exists()
    filled = tmp_path / "about.md"
    lines = template.read_text().splitlines(keepends=True)[3:]
    filled.write_text("".join(lines).replace("TODO", "known:"))
    write(exp_dir, "--about", str(filled))
    assert filled.read_text() in (exp_dir / "README.md").read_text()
