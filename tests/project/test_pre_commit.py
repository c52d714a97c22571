"""The hooks offered to users: the manifest is valid, and `pre-commit try-repo` stops a commit with a defective file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml", "barrierlint")

BAD = """\
typedef unsigned long pte_t;

int map(pte_t *ptep, unsigned long pa, volatile int *va)
{
	*(volatile pte_t *)ptep = pa | 0x713;
	return *va;
}
"""
GOOD = BAD.replace("0x713;\n", '0x713;\n\tasm volatile("dsb ishst; isb" ::: "memory");\n')


def run(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    own |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, **environment}
    return subprocess.run(words, cwd=cwd, env=own, capture_output=True, text=True, check=False)


def repository(folder: Path) -> Path:
    """Make `folder` a git repository that holds what is in it."""
    for words in (
        ("init", "-q"),
        ("add", "-A"),
        ("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "-m", "all"),
    ):
        ran = run("git", *words, cwd=folder)
        assert ran.returncode == 0, ran.stderr
    return folder


def test_the_manifest_is_valid() -> None:
    ran = run(sys.executable, "-m", "pre_commit", "validate-manifest", ".pre-commit-hooks.yaml", cwd=ROOT)
    assert (ran.returncode, ran.stderr) == (0, "")
    hooks = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    assert hooks["barrierlint"]["types_or"] == ["c", "c++", "asm"]
    assert hooks["barrierlint-database"]["pass_filenames"] is False
    assert all("--ignore BL4" in hook["entry"] for hook in hooks.values()), "advice is off by default"
    assert all(hook["require_serial"] and hook["language"] == "python" for hook in hooks.values())


@pytest.mark.skipif(shutil.which("git") is None, reason="pre-commit works on git repositories, and there is no git")
def test_a_defective_file_is_stopped_and_a_repaired_one_passes(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.mkdir()
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, tool / part, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
        else:
            shutil.copy(ROOT / part, tool / part)
    repository(tool)
    project = tmp_path / "project"
    project.mkdir()
    (project / "bad.c").write_text(BAD)
    (project / "good.c").write_text(GOOD)
    (project / "notes.md").write_text("no source\n")
    repository(project)

    def hook(*words: str) -> subprocess.CompletedProcess[str]:
        words = (sys.executable, "-m", "pre_commit", "try-repo", str(tool), "barrierlint", "--files", *words)
        return run(*words, cwd=project, PRE_COMMIT_HOME=str(tmp_path / "home"), PRE_COMMIT_COLOR="never")

    stopped = hook("bad.c", "good.c", "notes.md")
    assert stopped.returncode == 1, stopped.stdout + stopped.stderr
    assert "- exit code: 1" in stopped.stdout
    assert "[BL001 access-without-dsb]" in stopped.stdout
    assert "of 2 files" in stopped.stdout
    passed = hook("good.c", "notes.md")
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert "Passed" in passed.stdout
