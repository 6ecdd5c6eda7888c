"""The page of `samos demo --static`, which computes in the browser.

Needs Chromium, playwright, and ONNX Runtime Web from npm.
"""

import functools
import http.server
import re
import threading

import numpy as np
import pytest
import soundfile

from espnet_samos import MosPredictor
from espnet_samos.audio.resampling import resample
from espnet_samos.bin import samos
from tests.integration.browser import DESKTOP, PHONE, needs_chromium, open_browser
from tests.tiny_model import speechlike

MAX_MEGABYTES = 15
RATES = (8000, 16000, 22050, 24000, 44100, 48000, 96000)

pytestmark = [pytest.mark.integration, needs_chromium]


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page") / "site"
    with pytest.raises(SystemExit) as exit_status:
        samos.main(["demo", "--static", str(folder)])
    assert exit_status.value.code == 0
    return folder


@pytest.fixture(scope="module")
def url(folder):
    handler = functools.partial(Handler, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.fixture(scope="module")
def browser(url, tmp_path_factory):
    with open_browser(url, tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def page(browser, url):
    page = browser.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(error))
    page.goto(url)
    page.wait_for_selector("body[data-ready]")
    yield page
    page.close()
    assert errors == []


def upload(page, path):
    page.set_input_files("#file", path)
    page.wait_for_selector(".samos-score, .samos-error")
    page.wait_for_function("document.getElementById('progress').hidden")
    return page.inner_text("#answer")


def test_it_is_small(folder):
    size = sum(path.stat().st_size for path in folder.rglob("*"))
    assert size < MAX_MEGABYTES * 1e6


def check(page, path):
    answer = upload(page, path)
    (result,) = MosPredictor.from_pretrained().predict_files([path])
    numbers = re.search(
        r"^(.*)\n95 % interval: (\S+) to (\S+)[^$]*Bandwidth\s(\S+) kHz", answer
    )
    score, low, high, band = map(float, numbers.groups())
    assert score == pytest.approx(result.mean, abs=0.008)  # it has two digits
    assert (low, high) == pytest.approx(result.interval, abs=0.02)
    assert band == pytest.approx(result.bandwidth / 1000, abs=0.06)
    assert result.label_note in answer
    warned = "empty" in answer
    assert warned == ("bandwidth" in result.warnings)


@pytest.mark.parametrize("fs", RATES)
def test_scores_are_those_of_python(page, tmp_path, fs):
    # longer than two windows, with noise and a pause
    clip = speechlike(11.3, 48000) + 0.003 * np.random.default_rng(0).standard_normal(
        round(11.3 * 48000)
    )
    clip[4 * 48000 : 5 * 48000] = 0
    # where windows begin matters to it
    noise = np.sign(np.random.default_rng(1).standard_normal(7 * 48000))
    changing = clip[: len(noise)] + np.linspace(-0.2, 0.2, len(noise)) ** 3 * noise
    around = np.pad(changing, (2 * 48000, 48000))
    short = clip[: 2 * 48000]
    named = {"a": clip, "b": short, "c": around, "d": short + 0.1}
    for name, samples in named.items():
        path = tmp_path / f"{name}.wav"
        soundfile.write(path, resample(samples, 48000, fs), fs)
        check(page, path)


@pytest.mark.parametrize(
    "name, options",
    [
        ("x.flac", dict()),
        ("x.ogg", dict(subtype="VORBIS")),
        ("x.mp3", dict()),
        ("24.wav", dict(subtype="PCM_24")),
        ("float.wav", dict(subtype="FLOAT")),
    ],
)
def test_formats(page, tmp_path, name, options):
    clip = resample(speechlike(3, 48000), 48000, 44100)
    soundfile.write(
        tmp_path / name, np.stack([clip, 0.5 * clip], axis=1), 44100, **options
    )
    check(page, tmp_path / name)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_can_be_read_and_has_pictures(page, tmp_path, size):
    page.set_viewport_size(size)
    soundfile.write(tmp_path / "x.wav", speechlike(7, 24000), 24000)
    upload(page, tmp_path / "x.wav")
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    for name in ("spectrogram", "track"):
        canvas = page.locator(f"#{name}")
        assert canvas.bounding_box()["width"] >= 500
        colours = canvas.evaluate(
            """canvas => {
                const { data } = canvas
                    .getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
                return new Set(new Uint32Array(data.buffer)).size;
            }"""
        )
        assert colours > 20
    page.screenshot(path=tmp_path / "page.png", full_page=True)


def test_what_cannot_be_scored_has_a_message_and_the_next_file_a_score(page, tmp_path):
    (tmp_path / "text.wav").write_text("not audio")
    assert "text.wav: this browser cannot read it" in upload(
        page, tmp_path / "text.wav"
    )
    soundfile.write(tmp_path / "silent.wav", np.zeros(48000), 48000)
    assert "silent.wav: it is silent" in upload(page, tmp_path / "silent.wav")
    assert page.locator("#view").is_hidden()
    soundfile.write(tmp_path / "x.wav", speechlike(2, 16000), 16000)
    assert "95 % interval" in upload(page, tmp_path / "x.wav")


def test_a_recording_is_scored(page):
    page.click("#record")
    page.wait_for_timeout(2000)
    page.click("#record")
    page.wait_for_selector(".samos-score")
    assert np.isfinite(float(page.inner_text(".samos-score")))
    duration = re.search(r"Duration\s(\S+) s", page.inner_text("#answer")).group(1)
    assert 1 < float(duration) < 4
