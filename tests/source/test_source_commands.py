"""Compile databases and command lines: what is kept, what is dropped, what is refused with one clear line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from barrierlint.source import CompileCommand, SourceError, architecture, clean_arguments, find_database, load_database


def write(path: Path, entries: object) -> Path:
    """A database with `entries`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(entries))
    return path


def command(line: str, directory: str = "/src", file: str = "/src/a.c") -> CompileCommand:
    """The command `line`."""
    return CompileCommand(file, directory, tuple(line.split()))


def test_database_is_found_upwards_and_in_build_directories(tmp_path: Path) -> None:
    inner = tmp_path / "kernel" / "mm"
    inner.mkdir(parents=True)
    assert find_database(inner) is None or tmp_path not in find_database(inner).parents  # type: ignore[union-attr]
    made = write(tmp_path / "build" / "compile_commands.json", [])
    assert find_database(inner) == made
    nearer = write(tmp_path / "kernel" / "compile_commands.json", [])
    assert find_database(inner) == nearer
    (inner / "a.c").write_text("")
    assert find_database(inner / "a.c") == nearer


def test_both_forms_relative_directories_and_duplicates(tmp_path: Path) -> None:
    entries = [
        {"directory": "sub", "file": "a.c", "command": "cc -DX='a b' -c a.c"},
        {"directory": str(tmp_path), "file": "sub/b.c", "arguments": ["cc", "-c", "sub/b.c"]},
        {"directory": str(tmp_path), "file": "sub/b.c", "arguments": ["cc", "-c", "sub/b.c"]},
        {"directory": str(tmp_path), "file": "sub/b.c", "arguments": ["cc", "-DY", "-c", "sub/b.c"]},
    ]
    loaded = load_database(write(tmp_path / "compile_commands.json", entries))
    assert [one.file for one in loaded] == [str(tmp_path / "sub" / "a.c"), *[str(tmp_path / "sub" / "b.c")] * 2]
    assert loaded[0].arguments == ("cc", "-DX=a b", "-c", "a.c")
    assert loaded[0].directory == str(tmp_path / "sub")
    assert load_database(tmp_path) == loaded


BAD = [
    ("[", "not JSON"),
    ("{}", "a list of commands"),
    ("[3]", "entry 0"),
    ('[{"directory": "/"}]', "entry 0"),
    ('[{"file": "a.c", "directory": "/"}]', "neither"),
    ('[{"file": "a.c", "directory": 3, "command": "cc"}]', "must be strings"),
    ('[{"file": "a.c", "directory": "/", "command": "cc \\"a"}]', "quotes"),
    ('[{"file": "a.c", "directory": "/", "arguments": "cc"}]', "list of strings"),
    ("\ufffe", "not JSON"),
    ("[" * 100000, "deep"),
]


@pytest.mark.parametrize(("text", "part"), BAD)
def test_broken_databases_are_refused_with_one_line(tmp_path: Path, text: str, part: str) -> None:
    path = tmp_path / "compile_commands.json"
    path.write_text(text)
    with pytest.raises(SourceError) as caught:
        load_database(path)
    message = str(caught.value)
    assert part in message
    assert str(path) in message
    assert "\n" not in message
    assert ";" in message


def test_missing_and_undecodable_databases(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such"):
        load_database(tmp_path / "compile_commands.json")
    (tmp_path / "compile_commands.json").write_bytes(b"\xff\xfe[\xd8")
    with pytest.raises(SourceError, match="cannot read"):
        load_database(tmp_path / "compile_commands.json")


def test_what_matters_is_kept_and_the_rest_dropped() -> None:
    line = "gcc -c -O2 -Iinc -I ../other -isystem sys -DA=1 -D B -UC -MD -MF a.d -MT a.o -o a.o -Wall -g3 -pipe a.c"
    kept, dropped, target = clean_arguments(command(line))
    assert kept == (
        "--target=aarch64-linux-gnu",
        "-O2",
        "-I/src/inc",
        "-I",
        "/other",
        "-isystem",
        "/src/sys",
        "-DA=1",
        "-D",
        "B",
        "-UC",
    )
    assert {"-c", "-MD", "-MF", "a.d", "-o", "a.o", "-Wall", "-g3", "-pipe"} <= set(dropped)
    assert target == "aarch64"


def test_flags_only_gcc_knows_are_dropped() -> None:
    flags = (
        "-mabi=lp64 -fconserve-stack -fno-allow-store-data-races -fplugin=x.so -fplugin-arg-x-y "
        "--param=a=1 --param b=2 -Wa,-march=armv8"
    )
    kept, dropped, _ = clean_arguments(command(f"aarch64-linux-gnu-gcc {flags} -mgeneral-regs-only -DX -c a.c"))
    assert kept == ("--target=aarch64-linux-gnu", "-DX") or kept == (
        "--target=aarch64-linux-gnu",
        "-mgeneral-regs-only",
        "-DX",
    )
    assert "-mabi=lp64" in dropped
    assert "--param" in dropped
    assert "b=2" in dropped


TARGETS = [
    ("gcc", "aarch64-linux-gnu", "aarch64"),
    ("/usr/bin/aarch64-none-elf-g++-12", "aarch64-none-elf", "aarch64"),
    ("x86_64-linux-gnu-gcc", "x86_64-linux-gnu", "x86_64"),
    ("ccache arm-none-eabi-gcc", "arm-none-eabi", "arm"),
    ("clang --target=x86_64-elf", "x86_64-elf", "x86_64"),
    ("clang -target arm64-apple-ios", "arm64-apple-ios", "aarch64"),
    ("gcc -m64", "x86_64-linux-gnu", "x86_64"),
    ("gcc -m32", "i386-linux-gnu", "i386"),
    ("riscv64-unknown-elf-gcc", "riscv64-unknown-elf", "riscv64"),
]


@pytest.mark.parametrize(("line", "triple", "expected"), TARGETS)
def test_targets(line: str, triple: str, expected: str) -> None:
    kept, _, target = clean_arguments(command(f"{line} -c a.c"))
    assert target == expected == architecture(kept)
    assert f"--target={triple}" in kept or triple in kept


def test_response_files_are_read_and_never_run(tmp_path: Path) -> None:
    (tmp_path / "args").write_text("-DX='a b' @more -Iinc")
    (tmp_path / "more").write_text("-DY")
    (tmp_path / "loop").write_text("@loop -DZ")
    kept, dropped, _ = clean_arguments(command("gcc @args @gone @loop", str(tmp_path), str(tmp_path / "a.c")))
    assert kept[1:4] == ("-DX=a b", "-DY", f"-I{tmp_path}/inc")
    assert "@gone" in dropped
    assert "@loop" in dropped


def test_forced_includes_by_directory_or_search_path(tmp_path: Path) -> None:
    (tmp_path / "config.h").write_text("")
    kept, _, _ = clean_arguments(command("gcc -include config.h -include linux/kconfig.h", str(tmp_path)))
    assert kept[1:] == ("-include", str(tmp_path / "config.h"), "-include", "linux/kconfig.h")
