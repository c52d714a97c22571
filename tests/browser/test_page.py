"""The HTML report in headless Chromium: stepping by keyboard, the drawn path, dark mode, a phone's width.

Skipped where playwright or a Chromium is missing; `make browser` installs the one and says how to get the other.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from barrierlint.inputs import Request
from barrierlint.pipeline import Options, all_rules, run
from barrierlint.report import html

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ROOT = Path(__file__).parents[2]
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.filterwarnings("default"),
]


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sources = ("fixtures/BL001/branch.c", "fixtures/BL001/loops.c")
    report = run(Options(Request(tuple(str(ROOT / source) for source in sources), flags=())))
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(html.render(report, {info.id: info for info in all_rules()}))
    return file


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any, page_file: Path) -> Iterator[Any]:
    opened = browser.new_page(viewport={"width": 1200, "height": 900})
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    opened.on("request", lambda request: None if request.url.startswith("file:") else problems.append(request.url))
    opened.goto(page_file.as_uri())
    yield opened
    assert problems == []
    opened.close()


def shot(page: Any, name: str) -> None:
    """Leave a screenshot where BARRIERLINT_SHOTS says."""
    if folder := os.environ.get("BARRIERLINT_SHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def test_the_keyboard_steps_along_the_path(page: Any) -> None:
    page.keyboard.press("j")
    page.keyboard.press("ArrowRight")
    article = page.locator("article").first
    assert article.locator(".walk output").inner_text() == "step 1 of 3"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert article.locator(".walk output").inner_text() == "step 3 of 3"
    assert article.locator(".steps .now").inner_text().startswith("access")
    assert "*(volatile int *)va" in article.locator(".source .now").inner_text()
    assert article.locator(".bad .now .fault").count() == 1
    page.keyboard.press("ArrowLeft")
    assert article.locator(".walk output").inner_text() == "step 2 of 3"
    shot(page, "step")


def test_j_and_k_move_between_findings(page: Any) -> None:
    for _ in range(2):
        page.keyboard.press("j")
    assert page.evaluate("document.activeElement.id") == "f2"
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.id") == "f1"


def test_the_path_is_drawn_through_the_source(page: Any) -> None:
    assert page.locator(".source .drawn path").first.get_attribute("d").startswith("M")
    assert page.locator("svg .edge.passed").count() >= 2
    shot(page, "light")


def test_clicking_a_line_and_the_buttons(page: Any) -> None:
    article = page.locator("article").first
    article.locator(".source tr.write").click()
    assert article.locator(".walk output").inner_text() == "step 1 of 3"
    article.get_by_label("Next step").click()
    assert article.locator(".walk output").inner_text() == "step 2 of 3"


def test_dark_mode_has_other_colours(page: Any) -> None:
    def brightness() -> int:
        return int(page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]"))

    page.emulate_media(color_scheme="light")
    light = brightness()
    page.emulate_media(color_scheme="dark")
    assert brightness() < 60 < light
    shot(page, "dark")


def test_a_phone_scrolls_in_one_direction(page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    shot(page, "phone")
