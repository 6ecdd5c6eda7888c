"""The command `samos evaluate`, on made-up ratings of made-up clips."""

import json
import logging
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from espnet_samos import peers
from espnet_samos.bin.samos import evaluate, main
from espnet_samos.evaluation import rated_report
from espnet_samos.peers.abs_peer import AbsPeer
from tests.scored import write_table
from tests.tiny_model import save_model, speechlike

CLIPS = {f"spk{i % 2}-c{i}": i for i in range(8)}


class Level(AbsPeer):
    package = "numpy"
    names = ("level", "peak")
    fs = 16000
    count = 0

    def _scores(self, samples):
        Level.count += 1
        return float(np.std(samples)), float(samples.max())


class Absent(AbsPeer):
    package = "surely_not_installed"
    names = ("absent",)

    def _scores(self, samples):
        raise AssertionError("never called")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with two rated sets in data/ and a model in exp/tiny."""
    save_model(tmp_path / "exp/tiny")
    for name in ("one", "two"):
        for clip, i in CLIPS.items():
            path = tmp_path / f"audio/{name}/{clip}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            samples = (1 + i) / 8 * speechlike(0.5, 16000, i)
            soundfile.write(path, samples, 16000)
        tables = {
            "wav.scp": lambda c, name=name: f"{tmp_path}/audio/{name}/{c}.wav",
            "mos": lambda c: 1 + CLIPS[c] / 2,
            "utt2sys": lambda c: f"s_{CLIPS[c] // 2}",
            "utt2fs": lambda c: 16000,
            "utt2spk": lambda c: c.split("-")[0],
        }
        for table, value in tables.items():
            write_table(tmp_path / "data" / name / table, {c: value(c) for c in CLIPS})
    (tmp_path / "data/two/mos_scale").write_text("0 100\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(evaluate, "DEFAULT_MODEL", "small=exp/tiny")
    monkeypatch.setattr(peers, "PEERS", {"level": Level, "absent": Absent})
    monkeypatch.setattr(Level, "count", 0)
    level = logging.getLogger().level
    yield tmp_path
    logging.getLogger().setLevel(level)


def samos(*args):
    with pytest.raises(SystemExit) as stopped:
        main(list(map(str, args)))
    return stopped.value.code


def test_a_report_on_all_sets_with_all_predictors(place, capsys):
    assert samos("evaluate", "data", "--model", "exp/tiny") == 0
    out, err = capsys.readouterr()
    assert out.strip() == (place / "rated/RATED.md").read_text().strip()
    for row in ("small", "tiny", "level", "peak"):
        assert out.count(f"\n| {row}") == (2 if row == "small" else 4)
    assert "Left out: absent needs surely_not_installed: pip install" in out
    assert "left out: absent needs" in err and err.count(": scored") == 6
    lines = (place / "rated/tiny/two/mos_std").read_text().splitlines()
    assert len(lines) == 8 and not (place / "rated/peak/two/mos_std").exists()
    sets = json.loads((place / "rated/rated.json").read_text())["sets"]
    level = sets["one"]["predictors"]["level"]
    assert level["utterance"]["lcc"]["value"] > 0.95
    assert level["within"]["speakers"] == 2
    assert sets["two"]["predictors"]["level"]["fitted_mse"] is None
    assert (place / "rated/two_groups.png").is_file()


def test_a_killed_run_resumes(place, capsys, monkeypatch):
    # what is drawn is not the point
    figure = SimpleNamespace(savefig=lambda path: None)
    for name in ("condition_means", "errors_by_group"):
        monkeypatch.setattr(rated_report, name, lambda rated: figure)
    assert samos("evaluate", "data") == 0
    assert Level.count == 16 and capsys.readouterr().err.count(": scored") == 4
    # killed while the model scored the second set
    (place / "rated/small/two/made_from.json").unlink()
    before = (place / "rated/small/two/mos").read_text()
    assert samos("evaluate", "data") == 0
    again = capsys.readouterr().err
    assert again.count(": is there") == 3 and "small: two: scored" in again
    assert (place / "rated/small/two/mos").read_text() == before
    assert Level.count == 16
    # another clip under the name of one that was scored
    soundfile.write(place / "audio/one/spk0-c0.wav", speechlike(0.6, 16000), 16000)
    assert samos("evaluate", "data/one") == 0
    assert Level.count == 24


def test_mistakes_are_refused_before_anything_is_scored(place, capsys):
    for args, message in (
        (["data", "--peers", "absent"], "absent needs surely_not_installed: pip"),
        (["data", "--peers", "x"], "no peer 'x': there are level, absent"),
        (["exp"], "exp is neither a data directory"),
        (["data", "--model", "nowhere"], "no model 'nowhere'"),
        (["data", "--model", "peak=exp/tiny"], "a model is called peak, as a peer's"),
        (["data", "--model", "a/x", "b/x"], "a/x and b/x are both called x"),
        (["data", "--model", "a/b=exp/tiny"], "'a/b=exp/tiny' has no name"),
    ):
        assert samos("evaluate", *args) == 1
        assert message in capsys.readouterr().err
    assert not (place / "rated").exists()


def test_a_clip_that_cannot_be_scored_is_named(place, capsys):
    (place / "audio/one/spk1-c1.wav").write_text("not audio")
    assert samos("evaluate", "data/one", "--peers") == 1
    err = capsys.readouterr().err
    assert "spk1-c1 cannot be scored: cannot be read as audio" in err
    assert not (place / "rated/small/one").exists()
