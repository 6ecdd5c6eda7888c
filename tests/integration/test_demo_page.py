"""The page of `samos demo` in a real browser, with the packaged model.

Needs Chromium (Debian: apt-get install chromium), the extra [demo] and playwright.
"""

import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from espnet_samos import MosPredictor
from tests.integration.browser import DESKTOP, PHONE, needs_chromium, open_browser
from tests.tiny_model import speechlike

pytestmark = [
    pytest.mark.integration,
    needs_chromium,
]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("demo")
    soundfile.write(place / "short.wav", speechlike(2, 48000), 48000)
    soundfile.write(place / "long.flac", speechlike(10, 16000), 16000)
    (place / "text.wav").write_text("not audio")
    (place / "uploads").mkdir()
    return place


@pytest.fixture(scope="module")
def url(place):
    """The page's address; uploads are gone when the command has ended."""
    pytest.importorskip("gradio", reason="needs the extra [demo]")
    server = subprocess.Popen(
        [sys.executable, "-m", "espnet_samos.bin.samos", "demo"],
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ, TMPDIR=str(place / "uploads")),
    )
    line = server.stdout.readline()
    yield re.search(r"http://127\.0\.0\.1:\d+", line).group()
    assert list((place / "uploads").glob("samos_demo_*/*"))
    server.send_signal(signal.SIGTERM)
    server.wait(60)
    assert not list((place / "uploads").glob("samos_demo_*"))


@pytest.fixture(scope="module")
def browser(url, tmp_path_factory):
    with open_browser(url, tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def page(browser, url):
    page = browser.new_page()
    page.goto(url)
    page.wait_for_selector("#clip input[type=file]", state="attached")
    yield page
    page.close()


def upload(page, path):
    page.set_input_files("#clip input[type=file]", path)
    page.wait_for_selector(".samos-score, .samos-error")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("name", ["short.wav", "long.flac"])
def test_a_file_is_scored_and_shown(page, place, name, size, tmp_path):
    page.set_viewport_size(size)
    assert "labels are computed" in page.inner_text("#answer")
    upload(page, place / name)
    (result,) = MosPredictor.from_pretrained().predict_files([place / name])
    answer = page.inner_text("#answer")
    # libsndfile and the browser have not changed the file
    assert float(page.inner_text(".samos-score")) == pytest.approx(
        result.mean, abs=0.006
    )
    for text in (
        f"95 % interval: {result.interval[0]:.2f} to {result.interval[1]:.2f}",
        f"{result.duration:.2f} s",
        f"{result.fs // 1000} kHz",
        result.label_note,
    ):
        assert text in answer
    page.wait_for_selector("#view img")
    image = page.locator("#view img")
    assert (
        image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 900
    )
    # it can be read: text that is large, and a plot that is not tiny on a phone
    font_size = page.locator(".samos-score").evaluate(
        "e => getComputedStyle(e).fontSize"
    )
    assert float(font_size.removesuffix("px")) >= 48
    assert image.bounding_box()["width"] >= 500
    # only the plot is scrolled sideways
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    page.screenshot(path=tmp_path / "page.png", full_page=True)
    assert (tmp_path / "page.png").stat().st_size > 20_000


def test_what_cannot_be_scored_has_a_message_and_the_next_file_a_score(page, place):
    upload(page, place / "text.wav")
    message = page.inner_text(".samos-error")
    assert "cannot be read as audio: text.wav" in message
    text = page.inner_text("body")
    assert "Traceback" not in text and str(place) not in text
    assert page.locator("#view img").count() == 0
    page.click("#clip button[aria-label='Clear']")
    page.wait_for_selector(".samos-error", state="detached")
    upload(page, place / "short.wav")
    page.wait_for_selector("#view img")


def test_a_recording_is_scored(page):
    page.click("#clip button[aria-label='Record audio']")
    page.click("#clip button:has-text('Record') >> visible=true")
    page.wait_for_timeout(2000)
    page.click("#clip button:has-text('Stop') >> visible=true")
    page.wait_for_selector(".samos-score")
    assert np.isfinite(float(page.inner_text(".samos-score")))


def test_nothing_offers_to_send_the_clip_away(page, place):
    upload(page, place / "short.wav")
    labels = page.eval_on_selector_all(
        "button, a",
        "all => all.map(e => `${e.ariaLabel} ${e.title} ${e.innerText} ${e.href}`)",
    )
    assert len(labels) > 3
    assert not re.search("share|hugging|gradio.app", " ".join(labels).lower())
