"""No program of the analysed tree is run, unless the command line allows it by its real path."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from barrierlint import drivers
from barrierlint.drivers import Drivers, parse
from barrierlint.source import CompileCommand

from .conftest import GOOD, Run

SAYS = """\
#!/bin/sh
echo "$@" >> {log}
cat >&2 <<END
Target: aarch64-unknown-elf
#include "..." search starts here:
#include <...> search starts here:
 {folder}
 /opt/cross/lib/gcc/aarch64-unknown-elf/13/include
 {folder}/more (framework directory)
End of search list.
END
"""
SOURCE = "#include <board.h>\n#if !defined(BOARD) || !defined(__ELF__)\n#error no\n#endif\n" + GOOD


@pytest.fixture
def driver(tree: Path) -> Path:
    """A compiler in the tree that leaves a trace of each time it is run."""
    (tree / "sys").mkdir()
    (tree / "sys/board.h").write_text("#define BOARD 1\n")
    (tree / "tools").mkdir()
    path = tree / "tools/cross-gcc"
    path.write_text(SAYS.format(log=tree / "log", folder=tree / "sys"))
    path.chmod(0o755)
    Path("m.c").write_text(SOURCE)
    words = [str(path), "-march=armv8-a", "-fplugin=evil.so", "-Wl,-x", "-B", "tools", "--sysroot=/s", "-c", "m.c"]
    entry = {"directory": str(tree), "file": "m.c", "arguments": words}
    Path("compile_commands.json").write_text(json.dumps([entry]))
    return path


def runs(driver: Path) -> list[str]:
    log = driver.parents[1] / "log"
    return log.read_text().splitlines() if log.exists() else []


def test_no_compiler_is_run_by_default(run: Run, driver: Path) -> None:
    ran = run("m.c")
    assert "board.h" in ran.out
    assert runs(driver) == []


@pytest.mark.parametrize("glob", ["/usr/bin/*", "{tree}/*", "{tree}/tools/cross", "cross-gcc", "{tree}/tools/?"])
def test_one_that_no_glob_matches_is_refused(run: Run, driver: Path, glob: str) -> None:
    ran = run("m.c", "-v", "--query-driver", glob.format(tree=driver.parents[1].resolve()))
    assert runs(driver) == []
    assert "was not asked: --query-driver does not match it" in ran.out


@pytest.mark.parametrize("glob", ["{tree}/tools/*", "{tree}/**", "/bin/x,{tree}/tools/cross-g??"])
def test_one_that_is_allowed_is_asked_once(run: Run, driver: Path, glob: str) -> None:
    words = ("m.c", "--query-driver", glob.format(tree=driver.parents[1].resolve()))
    for _ in range(2):
        ran = run(*words)
        assert (ran.status, ran.out.splitlines()[-1]) == (0, "no findings in 1 function of 1 file")
    assert runs(driver) == ["-march=armv8-a --sysroot=/s -E -v -x c /dev/null"]


def test_a_link_is_what_it_leads_to(run: Run, driver: Path) -> None:
    allowed = driver.parents[1] / "allowed"
    allowed.mkdir()
    (allowed / "gcc").symlink_to(driver)
    text = Path("compile_commands.json").read_text().replace(str(driver), str(allowed / "gcc"))
    Path("compile_commands.json").write_text(text)
    run("m.c", "--query-driver", f"{allowed.resolve()}/*")
    assert runs(driver) == []


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("#!/bin/sh\nexit 3\n", "failed (exit status 3)"),
        ("#!/bin/sh\necho hello >&2\n", "names none"),
        ("#!/bin/sh\nsleep 60 & sleep 60\n", "did not answer within 0.3 s"),
        ("no program", "could not be run"),
    ],
)
def test_one_that_gives_no_answer_is_said(
    run: Run, driver: Path, monkeypatch: pytest.MonkeyPatch, script: str, said: str
) -> None:
    monkeypatch.setattr(drivers, "SECONDS", 0.3)
    driver.write_text(script)
    ran = run("m.c", "--query-driver", f"{driver.resolve()}")
    assert f"{driver.resolve()} was asked for its headers and {said}" in ran.out
    assert "Traceback" not in ran.out + ran.err


def test_a_configuration_cannot_allow_it(run: Run, driver: Path) -> None:
    for name, text in (
        (".barrierlint.yaml", "query-driver: '**'\n"),
        ("pyproject.toml", "[tool.barrierlint]\nquery-driver = '**'\n"),
    ):
        Path(name).write_text(text)
        ran = run("m.c")
        assert (ran.status, ran.out) == (2, "")
        assert "give it on the command line" in ran.err
        Path(name).unlink()
    assert runs(driver) == []


def test_wrappers_are_looked_behind() -> None:
    command = CompileCommand("/a.c", "/", ("ccache", "/bin/sh", "-c", "a.c"))
    assert drivers.locate(command) == ("/bin/sh", os.path.realpath("/bin/sh"))
    assert Drivers(("**",)).ask(CompileCommand("/a.c", "/", ("-c", "a.c"))) is None


def test_the_compilers_own_headers_and_relative_folders_are_left_out() -> None:
    said = ("Target: x y", "#include <...> search starts here:", " a", " /usr/lib/clang/18/include", " /b/../c")
    assert parse("\n".join((*said, "End of search list.", " /d"))) == drivers.Answer(("/c",), "")
