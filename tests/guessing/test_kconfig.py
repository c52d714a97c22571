"""Kconfig, as far as it is read: defaults, selections, dependencies, choices, variables in paths, nothing executed."""

from __future__ import annotations

from pathlib import Path

import pytest

from barrierlint.source.guessing import kconfig
from barrierlint.source.guessing.tree import Tree
from tests.guessing.trees import write

TOP = """\
mainmenu "A kernel"
source "arch/$(SRCARCH)/Kconfig"
menu "Memory"
	depends on MMU
config PAGE_SHIFT
	int
	default 16 if BIG_PAGES
	default 12
	help
		config NOT_THIS
			is text
config BIG_PAGES
	bool "Pages of 64 KB"
config LEVELS
	int
	default 3 if PAGE_SHIFT = 16
	default 4 if PAGE_SHIFT < 16 && \\
		PAGE_SHIFT > 11
endmenu
config DEBUG
	def_bool $(shell,touch /tmp/ran)
if DEBUG
config NOISE
	def_bool y
endif
"""
ARM64 = """\
config ARM64
	bool
	select MMU
	imply FAST if !SLOW
config MMU
	bool
config FAST
	bool
config SLOW
	bool
choice
	prompt "Address width"
	default VA_48
config VA_39
	bool "39"
config VA_48
	bool "48"
endchoice
config VA_BITS
	int
	default 39 if VA_39
	default 48 if VA_48
"""


def tree(root: Path) -> Tree:
    """A tree with the two files above, and x86's."""
    write(root, {"Kconfig": TOP, "arch/arm64/Kconfig": ARM64, "arch/x86/Kconfig": "config X86\n\tdef_bool y\n"})
    return Tree(str(root))


def test_an_aarch64_build_is_worked_out(tmp_path: Path) -> None:
    found = kconfig.configured(tree(tmp_path), "mm")
    values = {name.removeprefix("CONFIG_"): value for name, (value, _) in found.items()}
    assert values == {
        "ARM64": "1",
        "MMU": "1",
        "FAST": "1",
        "VA_48": "1",
        "VA_BITS": "48",
        "PAGE_SHIFT": "12",
        "LEVELS": "4",
    }
    assert found["CONFIG_VA_BITS"][1] == "arch/arm64/Kconfig:19"


def test_a_defconfig_decides(tmp_path: Path) -> None:
    write(tmp_path, {"arch/arm64/configs/defconfig": "CONFIG_VA_39=y\nCONFIG_BIG_PAGES=y\n# CONFIG_FAST is not set\n"})
    write(tmp_path, {"arch/x86/configs/defconfig": "CONFIG_SLOW=y\n"})
    found = kconfig.configured(tree(tmp_path), "mm")
    assert found["CONFIG_VA_BITS"][0] == "39"
    assert found["CONFIG_PAGE_SHIFT"][0] == "16"
    assert "CONFIG_SLOW" not in found


def test_without_kconfig_nothing_is_known(tmp_path: Path) -> None:
    write(tmp_path, {"a.c": ""})
    assert kconfig.configured(Tree(str(tmp_path)), "") == {}
    assert kconfig.value(Tree(str(tmp_path)), "", "CONFIG_X") == ("", "")


@pytest.mark.parametrize(
    ("condition", "truth"),
    [
        ("", True),
        ("A", True),
        ("!A", False),
        ("A && !B", True),
        ("B || (A && N >= 12)", True),
        ("N = 12", True),
        ("N != 12", False),
        ('S = "text"', True),
        ("$(success,true)", False),
        ("A &&", False),
        ("((A)", False),
        ("N > M", False),
    ],
)
def test_expressions(condition: str, truth: bool) -> None:
    assert kconfig.holds(condition, {"A": "y", "N": "12", "S": "text"}) is truth
