"""The wheel in an environment of its own: what a person has after pip install."""

import subprocess
import sys
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import soundfile
from packaging.requirements import Requirement

from espnet_samos.inference.predictor import MosPredictor
from espnet_samos.utils.extras import EXTRAS
from tests.bare_environment import installed_with, make_environment
from tests.tiny_model import speechlike

ROOT = Path(__file__).parents[1]
MAX_MEGABYTES = 300
# the message where an extra is missing, and what asks for it
NEEDS = {
    "torch": "score --engine torch clip.wav",
    "data": "compare a b",
    "demo": "demo",
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a clip in it, outside of the repository."""
    folder = tmp_path_factory.mktemp("place")
    soundfile.write(folder / "clip.wav", speechlike(3.0, 24000), 24000)
    for name in ("a", "b"):
        (folder / name).mkdir()
        soundfile.write(folder / name / "x.wav", speechlike(1.0, 16000), 16000)
    return folder


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = ["-m", "build", "--wheel", "--outdir", folder, ROOT]
    subprocess.run([sys.executable, *command], check=True, capture_output=True)
    (wheel,) = folder.iterdir()
    return wheel


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """The folder of an environment that has the wheel alone."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    venv.create(folder, with_pip=True)
    pip = [folder / "bin/pip", "install", "--quiet", wheel]
    subprocess.run(pip, check=True, capture_output=True)
    return folder


def light_requirements():
    """The packages that the wheel brings without an extra."""
    requirements = map(Requirement, metadata.requires("espnet_samos"))
    return [r.name for r in requirements if "extra" not in str(r.marker or "")]


def run(environment, place, *command):
    return subprocess.run(
        [environment / "bin" / command[0], *command[1:]],
        cwd=place,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )


def test_it_scores_and_is_small(environment, place):
    done = run(environment, place, "samos", "score", "--format", "csv", "clip.wav")
    assert done.returncode == 0, done.stderr
    score = float(done.stdout.splitlines()[1].split(",")[1])
    expected = MosPredictor.from_pretrained().predict(speechlike(3.0, 24000), 24000)
    assert score == pytest.approx(expected.mean, abs=0.01)
    (site,) = environment.glob("lib/python*/site-packages")
    assert not (site / "torch").exists()
    size = sum(p.stat().st_size for p in site.rglob("*") if p.is_file())
    assert size < MAX_MEGABYTES * 1e6


def test_from_python_and_live(environment, place):
    program = (
        "import numpy, sys; from espnet_samos import LiveScorer, MosPredictor;"
        "from espnet_samos.model_zoo.find import PUBLISHED_CONFIG;"
        "predictor = MosPredictor.from_pretrained();"
        "x = 0.1 * numpy.random.default_rng(0).standard_normal(48000);"
        "live = LiveScorer(16000, predictor); live.push(x);"
        "print(predictor.predict(x, 16000).mean, live.finish()[0].mean);"
        "sys.exit(not PUBLISHED_CONFIG.is_file() or 'torch' in sys.modules)"
    )
    done = run(environment, place, "python", "-c", program)
    assert done.returncode == 0, done.stderr
    whole, live = map(float, done.stdout.split())
    assert np.isfinite(whole) and whole == pytest.approx(live, abs=1e-5)


def test_it_writes_the_page_for_browsers(environment, place):
    done = run(environment, place, "samos", "demo", "--static", "site")
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (place / "site").iterdir()}
    assert {"index.html", "page.js", "model.json", "head.onnx"} < names


@pytest.mark.parametrize("extra", NEEDS)
def test_what_an_extra_is_needed_for_is_said(environment, place, extra):
    done = run(environment, place, "samos", *NEEDS[extra].split())
    assert done.returncode == 1
    assert f'pip install "espnet_samos[{extra}]"' in done.stderr
    assert "Traceback" not in done.stderr


def test_with_data_it_prepares_corpora(wheel, place, tmp_path):
    requires = [*light_requirements(), *EXTRAS["data"]]
    python = make_environment(tmp_path / "venv", installed_with(requires))
    (site,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    zipfile.ZipFile(wheel).extractall(site)
    (place / "clips.csv").write_text("path,mos,split\nclip.wav,3.5,test\n")
    samos = [python, "-m", "espnet_samos.bin.samos", "prepare", "csv"]
    done = subprocess.run(
        [*samos, "--output_dir", "data", "clips.csv"],
        cwd=place,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert list((place / "data").glob("*/mos"))


def test_help_needs_nothing(environment, place):
    for command in ("score", "track", "prepare", "import", "evaluate"):
        done = run(environment, place, "samos", command, "--help")
        assert done.returncode == 0, done.stderr


def test_the_recipe_has_the_published_configuration_of_the_package():
    recipe = ROOT / "conf/paper/model.yaml"
    package = ROOT / "espnet_samos/model_zoo/sa_ssl_mos.yaml"
    assert recipe.resolve() == package
