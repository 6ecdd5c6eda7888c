"""VERSA's own scorer with our metric, added as docs/toolkits.md says.

VERSA is in no package registry: VERSA_ROOT names a checkout (wavlab-speech/versa).
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from espnet_samos import MosPredictor
from tests.integrations.test_versa import FILE, PAGE
from tests.tiny_model import speechlike

ROOT = os.environ.get("VERSA_ROOT")
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        not ROOT, reason="VERSA_ROOT names no checkout of wavlab-speech/versa"
    ),
]
RATES = dict(utt1=16000, utt2=48000, utt3=24000)


def entry(function):
    """The entry of the page that begins with a name."""
    (block,) = re.findall(rf"```text\n({function}\(.*?)```", PAGE.read_text(), re.S)
    return block


@pytest.fixture(scope="module")
def versa(tmp_path_factory):
    """A copy of the checkout, with what the page adds to it."""
    folder = tmp_path_factory.mktemp("versa")
    package = folder / "versa"
    shutil.copytree(Path(ROOT) / "versa", package)
    shutil.copy(FILE, package / "utterance_metrics/samos_mos.py")
    registry = package / "metric_registry.py"
    if registry.is_file():
        start = "METRIC_MODULES = (\n"
        text = registry.read_text()
        assert text.count(start) == 1
        registry.write_text(text.replace(start, start + entry("MetricModuleSpec")))
    else:
        with (package / "__init__.py").open("a") as f:
            f.write("\n" + entry("_optional_metric_import"))
    return folder


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """A folder with clips at several rates, and lists of them."""
    folder = tmp_path_factory.mktemp("clips")
    lists = dict.fromkeys(("wav.scp", "ref.scp"), "")
    for i, (name, fs) in enumerate(RATES.items()):
        path = folder / f"{name}.wav"
        soundfile.write(path, speechlike(1.5, fs, i), fs, subtype="FLOAT")
        lists["wav.scp"] += f"{name} {path}\n"
        lists["ref.scp"] += f"{name} {folder}/utt1.wav\n"
    for name, text in lists.items():
        (folder / name).write_text(text)
    return folder


def score(versa, clips, output, *options):
    """Run VERSA's scorer; return what it wrote, by clip, and its log."""
    command = ["versa.bin.scorer", "--pred", str(clips / "wav.scp"), *options]
    command += ["--score_config", str(FILE.with_suffix(".yaml"))]
    command += ["--output_file", str(output), "--io", "soundfile"]
    path = [str(versa), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=versa,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(path)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    return {row["key"]: row for row in rows}, done.stdout


def test_gives_our_scores(versa, clips, tmp_path):
    rows, log = score(versa, clips, tmp_path / "scores.jsonl")
    predictor = MosPredictor.from_pretrained()
    assert rows.keys() == RATES.keys()
    for name, row in rows.items():
        (result,) = predictor.predict_files([clips / f"{name}.wav"])
        assert row["samos_mos"] == pytest.approx(result.mean, abs=1e-4)
        assert row["samos_mos_std"] == pytest.approx(result.std, abs=1e-4)
        low_high = [row["samos_mos_low"], row["samos_mos_high"]]
        assert low_high == pytest.approx(list(result.interval), abs=1e-4)
        assert row["samos_mos_bandwidth"] == result.bandwidth
        assert row["samos_mos_text_warnings"] == " ".join(result.warnings)
        assert row["samos_mos_text_labels"] == result.label_note
    assert predictor.label_note in log and "beside a reference" not in log


def test_references_lower_the_rate_and_the_log_says_so(versa, clips, tmp_path):
    rows, log = score(
        versa, clips, tmp_path / "scores.jsonl", "--gt", str(clips / "ref.scp")
    )
    assert max(row["samos_mos_bandwidth"] for row in rows.values()) <= 8000
    assert log.count("beside a reference") == 1
