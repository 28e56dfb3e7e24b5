"""The page in a real browser: no error, nothing wider than the window, the search finds."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.workflow.tiny import Study

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
]
# What stands in a box that scrolls by itself may be wider than the window.
PROBE = """
<script>
addEventListener("load", () => {
  const wide = [...document.body.querySelectorAll("*")].filter((element) =>
    !element.closest(".scroll, pre, .skip")
    && element.getBoundingClientRect().right > innerWidth + 1);
  const broken = [...document.images].filter((image) =>
    image.loading !== "lazy" && image.naturalWidth === 0);
  const field = document.querySelector("#search");
  const look = (words) => {
    field.value = words;
    field.dispatchEvent(new Event("input"));
    const items = [...document.querySelectorAll(".item")];
    return items.filter((item) => !item.hidden).map((item) => item.id);
  };
  parent.postMessage(JSON.stringify({
    inner: innerWidth,
    scroll: document.documentElement.scrollWidth,
    wide: wide.map((element) => element.outerHTML.slice(0, 120)),
    broken: broken.map((image) => image.alt),
    found: look("nomogram"),
    nothing: look("no such words"),
    all: look("").length,
  }), "*");
});
</script>
"""
# A headless window is never narrower than 500 pixels, a frame is.
FRAME = """
<!DOCTYPE html><title>waiting</title>
<iframe src="report.html" width="{width}" height="1500"></iframe>
<script>
addEventListener("message", (event) => {{ document.title = "PROBE" + event.data + "END"; }});
</script>
"""


def opened(report: Path, folder: Path, width: int) -> dict:
    """Return what the probe saw in a window of that width; a console message fails the test."""
    html = report.read_text(encoding="utf-8").replace("</body>", f"{PROBE}</body>")
    (folder / "report.html").write_text(html, encoding="utf-8")
    frame = folder / "frame.html"
    frame.write_text(FRAME.format(width=width))
    command = [
        *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        *(f"--user-data-dir={folder / 'profile'}", "--window-size=1400,1600"),
        *("--enable-logging=stderr", "--virtual-time-budget=20000", "--dump-dom", frame.as_uri()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True)
    assert "CONSOLE" not in done.stderr, done.stderr
    told = re.search(r"PROBE(\{.*\})END</title>", done.stdout)
    assert told, done.stderr
    seen: dict = json.loads(told[1])
    return seen


@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_opens_without_an_error_and_nothing_overflows(
    finished: Study, tmp_path: Path, width: int
) -> None:
    seen = opened(finished.results / "report" / "report.html", tmp_path, width)
    assert seen["inner"] == width
    assert seen["scroll"] <= width
    assert seen["wide"] == []
    assert seen["broken"] == []
    assert "figure-nomogram" in seen["found"]
    assert len(seen["found"]) < seen["all"]
    assert seen["nothing"] == []
