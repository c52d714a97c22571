"""The key `compile`: what it says of a file, and one line for whatever is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from barrierlint.compilation import Compile, for_file
from barrierlint.configuration import ConfigurationError, load
from barrierlint.source.guessing.guess import Guess, Macro

TEXT = """\
compile:
  - include: [include]
    define: [A, "B=2", "F(x)=((x) + 1)", "E="]
  - files: ["arch/arm64/*"]
    include: [arch/arm64/include]
    force-include: [include/config.h]
    stub: [generated/x.h]
    borrow: {asm/y.h: include/asm-generic/y.h}
    declare: ["unsigned long f();"]
    flag: [-std=gnu11]
    host-headers: true
"""


def entries(tmp_path: Path, text: str, name: str = ".barrierlint.yaml") -> tuple[Compile, ...]:
    (tmp_path / name).write_text(text)
    found = load(tmp_path / name).values.get("compile", ())
    assert isinstance(found, tuple)
    return found


def test_all_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = for_file(entries(tmp_path, TEXT), "arch/arm64/mm/a.c")
    assert found is not None
    folder, guess = found
    assert Path(folder).resolve() == tmp_path
    assert guess == Guess(
        {"include": ".barrierlint.yaml:2", "arch/arm64/include": ".barrierlint.yaml:5"},
        {"include/config.h": ".barrierlint.yaml:6"},
        {
            "A": Macro("A", "1", None, ".barrierlint.yaml:3"),
            "B": Macro("B", "2", None, ".barrierlint.yaml:3"),
            "F": Macro("F", "((x) + 1)", "(x)", ".barrierlint.yaml:3"),
            "E": Macro("E", "", None, ".barrierlint.yaml:3"),
        },
        {"generated/x.h": ".barrierlint.yaml:7"},
        {"asm/y.h": "include/asm-generic/y.h"},
        {"unsigned long f();": ".barrierlint.yaml:9"},
        {"-std=gnu11": ".barrierlint.yaml:10"},
        True,
    )


def test_entries_fit_by_glob_and_only_below_the_file(tmp_path: Path) -> None:
    both = entries(tmp_path, TEXT)
    found = for_file(both, str(tmp_path / "mm/a.c"))
    assert found is not None
    assert list(found[1].includes) == ["include"]
    assert for_file(both, "/elsewhere/a.c") is None
    assert for_file(entries(tmp_path, "compile: [{files: 'x/*', include: [i]}]"), str(tmp_path / "y/a.c")) is None


def test_a_project_file_says_the_same(tmp_path: Path) -> None:
    text = "[[tool.barrierlint.compile]]\ninclude = ['include']\n"
    found = for_file(entries(tmp_path, text, "pyproject.toml"), str(tmp_path / "a.c"))
    assert found is not None
    assert list(found[1].includes) == ["include"]


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("compile:\n  - includes: [x]", 2, "did you mean 'include'?"),
        ("compile: {include: [x]}", 1, "expected a list"),
        ("compile: [a]", 1, "expected a mapping, found 'a'"),
        ("compile:\n  - include: [/etc]", 2, "leads out of the project"),
        ("compile:\n  - include: [a/../../b]", 2, "leads out of the project"),
        ("compile:\n  - borrow: {x.h: ../x.h}", 2, "leads out of the project"),
        ("compile:\n  - define: ['1X=2']", 2, "is no macro"),
        ("compile:\n  - flag: [-Iinclude]", 2, "is no flag of the language"),
        ("compile:\n  - define: [true]", 2, "expected text, found true or false"),
        ("compile:\n  - define: ['']", 2, "expected text, found empty text"),
        ("compile:\n  - host-headers: perhaps", 2, "expected true or false"),
        ("compile:\n  - include: [a]\n    include: [b]", 3, "given twice"),
        ("compile: " + "[" * 50 + "]" * 50, 1, "nested too deeply"),
    ],
)
def test_mistakes_are_one_line_with_place_and_remedy(tmp_path: Path, text: str, line: int, part: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        entries(tmp_path, text)
    assert part in str(caught.value)
    assert f".barrierlint.yaml:{line}:" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_mistakes_in_a_project_file_too(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        entries(tmp_path, "[[tool.barrierlint.compile]]\ninclude = 3\n", "pyproject.toml")
    assert "compile[0].include: expected a list" in str(caught.value)
