"""The GitHub Action and the workflows in the documentation: valid, safe by zizmor, and the script run for real."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.project.test_pre_commit import BAD, GOOD

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PINNED = re.compile(r"^[\w./-]+@[0-9a-f]{40}$")


def tool(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / name
    return subprocess.run([str(program), *words], capture_output=True, text=True, check=False)


def workflows() -> list[tuple[str, str]]:
    """Every workflow that a page shows."""
    found = []
    for page in PAGES:
        for number, block in enumerate(re.findall(r"```ya?ml\n(.*?)```", page.read_text(encoding="utf-8"), re.S)):
            if re.search(r"^jobs:", block, re.M):
                found.append((f"{page.stem}-{number}", block))
    return found


def test_the_action_is_valid_and_safe() -> None:
    ran = tool("check-jsonschema", "--builtin-schema", "vendor.github-actions", str(ROOT / "action.yml"))
    assert ran.returncode == 0, ran.stdout
    ran = tool("zizmor", "--offline", "--no-progress", str(ROOT / "action.yml"))
    assert ran.returncode == 0, ran.stdout


def test_inputs_reach_scripts_through_the_environment_only() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    steps = action["runs"]["steps"]
    assert not any("${{" in step.get("run", "") for step in steps)
    assert all(PINNED.match(step["uses"]) for step in steps if "uses" in step)


def test_the_documentation_shows_workflows() -> None:
    assert workflows()


@pytest.mark.parametrize(("name", "text"), workflows(), ids=lambda value: value if "\n" not in value else "")
def test_a_workflow_is_valid_and_safe(name: str, text: str, tmp_path: Path) -> None:
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / f"{name}.yml").write_text(text)
    ran = tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(folder / f"{name}.yml"))
    assert ran.returncode == 0, ran.stdout
    ran = tool("zizmor", "--offline", "--no-progress", str(folder / f"{name}.yml"))
    assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize(
    ("paths", "upload", "status", "results"),
    [
        ("bad.c", "true", 0, 1),
        ("bad.c", "false", 1, 1),
        ("good.c\n a b.c ", "false", 0, 0),
        ("gone.c", "true", 2, None),
    ],
)
def test_the_script(tmp_path: Path, paths: str, upload: str, status: int, results: int | None) -> None:
    for name, text in (("bad.c", BAD), ("good.c", GOOD), ("a b.c", GOOD)):
        (tmp_path / name).write_text(text)
    bin = tmp_path / "barrierlint" / "bin"
    bin.mkdir(parents=True)
    (bin / "barrierlint").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m barrierlint "$@"\n')
    (bin / "barrierlint").chmod(0o755)
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    script = next(step["run"] for step in action["runs"]["steps"] if step.get("id") == "check")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "PATHS": paths,
        "OPTIONS": "--select\nBL0",
        "SARIF_FILE": "out.sarif",
        "UPLOAD": upload,
    }
    words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    ran = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == status, ran.stdout + ran.stderr
    if results is not None:
        log = json.loads((tmp_path / "out.sarif").read_text())
        assert len(log["runs"][0]["results"]) == results
        assert "sarif-file=out.sarif" in (tmp_path / "output").read_text()
        assert ran.stdout.count("::warning") + ran.stdout.count("::error") == results
