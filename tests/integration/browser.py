"""A real browser that may ask this machine only.

Chromium is Debian's (apt-get install chromium); playwright drives it.
"""

import contextlib
import shutil

import pytest

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--use-fake-ui-for-media-stream --use-fake-device-for-media-stream"
).split()
DESKTOP, PHONE = dict(width=1100, height=900), dict(width=375, height=750)
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="needs Chromium: no 'chromium' here"
)


@contextlib.contextmanager
def open_browser(url, profile):
    """Yield a browser; afterwards, check that its pages asked nobody but `url`."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    asked = []
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, args=FLAGS, permissions=["microphone"]
        )
        browser.on("request", lambda request: asked.append(request.url))
        yield browser
        browser.close()
    assert any(address.startswith(url) for address in asked)
    outside = [a for a in asked if not a.startswith((url, "data:", "blob:"))]
    assert outside == []
