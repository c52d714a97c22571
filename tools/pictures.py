"""Makes the pictures of docs/images/: a terminal run (SVG and asciicast) and screenshots of the HTML report.

    python tools/pictures.py

Needs `pip install '.[dev,browser]'` and a Chromium. What it does not do: run in `make check`; pictures are looked at.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
COLUMNS = 110
COMMANDS = ("cat map.c", "barrierlint check map.c --")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def record() -> tuple[str, list[tuple[float, str]]]:
    """Run the commands; what they print in colour, and the same as timed pieces."""
    pieces: list[tuple[float, str]] = []
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(ROOT / "docs" / "examples" / "map.c", folder)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": str(COLUMNS), "CLICOLOR_FORCE": "1"}
        now = 0.0
        for command in COMMANDS:
            pieces += [
                (now, "\x1b[1;32m$\x1b[0m "),
                *((now + 0.5 + n * 0.04, letter) for n, letter in enumerate(command)),
            ]
            words = command.replace("barrierlint", f"{sys.executable} -m barrierlint").split()
            started = time.monotonic()
            done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
            now += 0.7 + len(command) * 0.04 + time.monotonic() - started
            pieces.append((now, "\n" + done.stdout.expandtabs(4)))
            now += 1.0
    return "".join(text for _, text in pieces), pieces


def terminal() -> None:
    """Write the run as a picture and as a recording."""
    from rich.console import Console
    from rich.text import Text

    text, pieces = record()
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115
    console.print(Text.from_ansi(text))
    picture = console.export_svg(title="barrierlint")
    picture = re.sub(r"@font-face\s*\{.*?\}\s*", "", picture, flags=re.DOTALL)  # fonts from a server of others
    (IMAGES / "terminal.svg").write_text(picture, encoding="utf-8")
    lines = [json.dumps({"version": 2, "width": COLUMNS, "height": 50, "title": "barrierlint"})]
    lines += [json.dumps([round(at, 2), "o", piece.replace("\n", "\r\n")]) for at, piece in pieces]
    (IMAGES / "terminal.cast").write_text("\n".join(lines) + "\n", encoding="utf-8")


def screenshots() -> None:
    """Open the report of the OSv miniature and take it light, dark and at a phone's width."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as started:
        page_file = Path(folder) / "report.html"
        words = ["check", "--exit-zero", "--model", "osv", f"--format=html={page_file}", "fixtures/osv/mmu.cc", "--"]
        subprocess.run([sys.executable, "-m", "barrierlint", *words], cwd=ROOT, check=True)
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for name, width, height, scheme, down in (
            ("report", 1280, 900, "light", "h2"),
            ("executions", 1280, 900, "dark", ".executions"),
            ("phone", 390, 780, "light", ".path"),
        ):
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
            page.goto(page_file.as_uri())
            page.keyboard.press("j")
            for _ in range(3):
                page.keyboard.press("ArrowRight")
            page.locator(down).first.evaluate("element => element.scrollIntoView()")
            page.screenshot(path=str(IMAGES / f"{name}.png"))
        browser.close()


def main() -> int:
    """Make all pictures; say what is missing."""
    if CHROMIUM is None:
        print("no Chromium: apt-get install chromium", file=sys.stderr)
        return 2
    IMAGES.mkdir(exist_ok=True)
    terminal()
    screenshots()
    return 0


if __name__ == "__main__":
    sys.exit(main())
