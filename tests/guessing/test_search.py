"""Guessing how a file is compiled: each mechanism on a small tree, with the twin in which it must not act."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from barrierlint.source.guessing import search as searching
from barrierlint.source.guessing.diagnosis import Diagnosis
from barrierlint.source.guessing.guess import Guess, loaded
from barrierlint.source.guessing.search import search
from barrierlint.source.guessing.tree import Tree
from tests.guessing.trees import Files, write

Guessing = Callable[[Files, str], tuple[Guess, Diagnosis]]
HEADER = "#pragma once\n"


def test_a_file_that_needs_nothing_is_left_alone(guessing: Guessing) -> None:
    guess, after = guessing({"a.c": "int f(void) { return 0; }\n", "include/x.h": HEADER}, "a.c")
    assert not guess
    assert after.total == 0


def test_the_path_that_ends_in_the_include_is_found(guessing: Guessing) -> None:
    files = {
        "kernel/mm/a.c": "#include <vm/page.h>\nint f(void) { return PAGE; }\n",
        "lib/inc/vm/page.h": "#define PAGE 3\n",
    }
    guess, after = guessing(files, "kernel/mm/a.c")
    assert list(guess.includes) == ["lib/inc"]
    assert after.total == 0


@pytest.mark.parametrize(
    ("file", "folders", "wanted"),
    [
        ("mm/a.c", ["arch/x86/include", "arch/arm64/include", "arch/mips/include"], "arch/arm64/include"),
        ("mm/a.c", ["arch/aarch32/include", "arch/aarch64/include"], "arch/aarch64/include"),
        ("arch/arm/mm/a.c", ["arch/arm/include", "arch/x86/include"], "arch/arm/include"),
        ("arch/arm64/a.c", ["arch/arm/include", "arch/arm64/include"], "arch/arm64/include"),
        ("lib/arm/a.c", ["lib/arm", "lib/arm64"], "lib/arm64"),
        ("lib/arm/a.c", ["lib/arm", "other/arm64"], "lib/arm"),
        ("mm/a.c", ["arch/riscv/include", "include"], "include"),
        ("b/c/a.c", ["a/include", "b/include", "c/d/include"], "b/include"),
        ("mm/a.c", ["tests/include", "very/far/away/include"], "very/far/away/include"),
        ("mm/a.c", ["plat/vendor/include", "plat/qemu/include"], "plat/qemu/include"),
    ],
)
def test_of_several_headers_the_architectures_own_and_the_nearest_is_taken(
    guessing: Guessing, file: str, folders: list[str], wanted: str
) -> None:
    files = {file: "#include <asm/page.h>\n", **{f"{folder}/asm/page.h": HEADER for folder in folders}}
    guess, _ = guessing(files, file)
    assert list(guess.includes) == [wanted]


def test_a_file_of_aarch32_takes_the_headers_of_aarch32(guessing: Guessing) -> None:
    own = 'static inline void f(void) { asm volatile("mcr p15, 0, %0, c8, c7, 0" :: "r" (0)); }\n'
    both = 'static inline void g(void) { asm volatile("tlbi vmalle1"); }\n'
    for text, wanted in ((own, "lib/arm"), (own + both, "lib/arm64")):
        headers = {f"{folder}/asm/page.h": HEADER for folder in ("lib/arm", "lib/arm64")}
        guess, _ = guessing({"lib/arm/a.c": f"#include <asm/page.h>\n{text}", **headers}, "lib/arm/a.c")
        assert list(guess.includes) == [wanted]


def test_macros_that_the_file_tests_are_set_as_the_build_sets_them(guessing: Guessing) -> None:
    text = """
    #include <defined.h>
    #if WITH_VM
    int vm;
    #endif
    #if MAX_CPUS > 2
    int cpus;
    #endif
    #include <base.h>
    #if WITHOUT || NOWHERE || DEFINED || X86 || ONLY_TESTED
    #endif
    int f(void) { return MAX_CPUS; }
    """
    files = {
        "arch/arm64/mmu.c": text,
        "arch/arm64/rules.mk": "ifeq ($(WITH_VM),1)\nLIST += \\\n  WITH_VM=1 \\\n  MAX_CPUS=4\nendif\nWITHOUT ?= 0\n"
        "BASE = 0xff\n",
        "include/base.h": "#ifndef BASE\n#define BASE 1\n#endif\n#ifdef ELSEWHERE\n#endif\n",
        "platform/x.mk": "MAX_CPUS := 8\nELSEWHERE := 1\nDEFINED := 1\nX86 := 1\n",
        "tests/x.mk": "ONLY_TESTED := 1\n",
        "include/defined.h": "#define DEFINED 0\n",
    }
    guess, after = guessing(files, "arch/arm64/mmu.c")
    assert {name: one.value for name, one in guess.macros.items()} == {
        "WITH_VM": "1",
        "MAX_CPUS": "4",
        "BASE": "0xff",
    }
    assert guess.macros["WITH_VM"].where == "arch/arm64/rules.mk:3"
    assert after.total == 0


@pytest.mark.parametrize(
    ("build", "text", "value"),
    [
        ("CMakeLists.txt", "if(SMP)\n  add_definitions(-DWITH_SMP)\nendif()\n", "1"),
        ("CMakeLists.txt", 'target_compile_definitions(k PRIVATE "WITH_SMP=4")\n', "4"),
        ("meson.build", "add_project_arguments('-DWITH_SMP=2', language: 'c')\n", "2"),
        ("Makefile", "ifeq ($(BOARD),x)\nCFLAGS += -O2 -DWITH_SMP=1 -g\nendif\n", "1"),
        ("BUILD.gn", 'defines = [ "WITH_SMP=1" ]\n', "1"),
        ("CMakeLists.txt", "add_definitions(-DWITH_SMP_STATS -DWITH_SMP=${CPUS})\n", None),
        ("notes.txt", "build it with -DWITH_SMP\n", None),
    ],
)
def test_a_macro_that_any_build_file_defines(guessing: Guessing, build: str, text: str, value: str | None) -> None:
    files = {"kernel/a.c": "#ifdef WITH_SMP\nint smp;\n#endif\n", f"kernel/{build}": text}
    guess, _ = guessing(files, "kernel/a.c")
    assert [one.value for one in guess.macros.values()] == ([] if value is None else [value])


def test_a_setting_that_breaks_the_file_is_taken_back(guessing: Guessing) -> None:
    text = "#if WITH_VM\nint f(void) { return missing(; }\n#endif\n#if WITH_SMP\nint g;\n#endif\n"
    files = {"kernel/a.c": text, "kernel/rules.mk": "WITH_VM := y\nWITH_SMP := yes\n"}
    guess, after = guessing(files, "kernel/a.c")
    assert list(guess.macros) == ["WITH_SMP"]
    assert after.total == 0


def test_a_header_of_another_architecture_is_read_alone(guessing: Guessing) -> None:
    files = {
        "mm/a.c": "#include <asm/percpu.h>\n#include <asm/page.h>\nint x = PERCPU;\n",
        "arch/x86/include/asm/percpu.h": "#define PERCPU 1\n",
        "arch/x86/include/asm/page.h": "#error x86\n",
        "arch/arm64/include/asm/page.h": HEADER,
    }
    guess, after = guessing(files, "mm/a.c")
    assert list(guess.includes) == ["arch/arm64/include"]
    assert guess.borrowed == {"asm/percpu.h": "arch/x86/include/asm/percpu.h"}
    assert after.total == 0


def test_a_generic_header_goes_before_another_architectures(guessing: Guessing) -> None:
    files = {
        "mm/a.c": "#include <asm/percpu.h>\nint x = GENERIC;\n",
        "arch/x86/include/asm/percpu.h": "#error x86\n",
        "include/asm-generic/percpu.h": "#define GENERIC 1\n",
    }
    guess, after = guessing(files, "mm/a.c")
    assert guess.borrowed == {"asm/percpu.h": "include/asm-generic/percpu.h"}
    assert after.total == 0


@pytest.mark.parametrize(
    ("name", "folders", "wanted"),
    [
        ("asm/kinds.h", ["include/asm-x86", "include/asm-arm", "include/asm-generic"], "include/asm-arm"),
        ("asm/kinds.h", ["include/asm-x86", "include/asm-generic"], "include/asm-generic"),
        ("asm/arch/kinds.h", ["arch/arm/include/asm/arch-board"], "arch/arm/include/asm/arch-board"),
    ],
)
def test_a_folder_that_the_build_links_has_a_longer_name(
    guessing: Guessing, name: str, folders: list[str], wanted: str
) -> None:
    files = {"mm/a.c": f"#include <{name}>\n", **{f"{folder}/kinds.h": HEADER for folder in folders}}
    guess, _ = guessing(files, "mm/a.c")
    assert guess.borrowed == {name: f"{wanted}/kinds.h"}


def test_a_folder_that_the_build_links_is_the_architectures_own(guessing: Guessing) -> None:
    files = {"sched/a.c": "#include <arch/irq.h>\nint x = IRQ;\n", "arch/arm64/include/irq.h": "#define IRQ 1\n"}
    guess, after = guessing(files, "sched/a.c")
    assert guess.borrowed == {"arch/irq.h": "arch/arm64/include/irq.h"}
    assert after.total == 0


TYPES = """#!/bin/sh
sed -e << EOF \\
'/^TYPEDEF/s/TYPEDEF \\(.*\\) \\([^ ]*\\);$/#if defined(__NEED_\\2)\\
typedef \\1 \\2;\\
#endif\\
/'
#define WORD long
TYPEDEF unsigned WORD size_t;
STRUCT span { size_t start; };
UNION both { size_t number; void *pointer; };
EOF
"""


@pytest.mark.parametrize("ending", [".sh", ".in"])
def test_a_list_of_types_is_made_from_its_template(guessing: Guessing, ending: str) -> None:
    needed = "".join(f"#define __NEED_{name}\n" for name in ("size_t", "struct_span", "union_both"))
    used = "size_t f(struct span *s, union both b) { return s->start + b.number; }\n"
    files = {
        "mm/a.c": f"{needed}#include <bits/types.h>\n{used}",
        f"include/arm64/bits/types.h{ending}": TYPES,
        f"include/x64/bits/types.h{ending}": TYPES,
    }
    guess, after = guessing(files, "mm/a.c")
    assert guess.borrowed == {"bits/types.h": f"include/arm64/bits/types.h{ending}"}
    assert after.total == 0


def test_a_script_that_lists_no_types_is_no_template(guessing: Guessing) -> None:
    guess, _ = guessing({"a.c": "#include <made.h>\n", "made.h.sh": "#!/bin/sh\necho typedef int made_t;\n"}, "a.c")
    assert list(guess.stubs) == ["made.h"]


def test_what_is_nowhere_is_empty(guessing: Guessing) -> None:
    guess, after = guessing({"a.c": "#include <gone/away.h>\nint f(void) { return 0; }\n"}, "a.c")
    assert list(guess.stubs) == ["gone/away.h"]
    assert "a.c:1" in guess.stubs["gone/away.h"]
    assert after.total == 0


def test_a_header_behind_parent_folders_is_found(guessing: Guessing) -> None:
    files = {"a/b/a.c": '#include "../inc/x.h"\nint x = X;\n', "c/inc/x.h": "#define X 1\n"}
    guess, after = guessing(files, "a/b/a.c")
    assert after.total == 0
    assert not guess.stubs


def test_a_cyclic_guess_ends(guessing: Guessing) -> None:
    files = {
        "mm/a.c": "#include <one.h>\nint f(void) { return NEVER; }\n",
        "x/one.h": "#include <two.h>\n#ifndef A\n#ifdef B\n#define NEVER 1\n#endif\n#endif\n",
        "y/two.h": "#include <three.h>\n#ifndef B\n#ifdef A\n#define NEVER 2\n#endif\n#endif\n",
        "z/three.h": "#include <one.h>\n",
    }
    started = time.monotonic()
    guessing(files, "mm/a.c")
    assert time.monotonic() - started < 10


def test_a_link_out_of_the_tree_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path, {"outside/secret.h": "#define SECRET 7\n", "tree/.git/HEAD": "", "tree/inc/own.h": HEADER})
    write(tmp_path, {"tree/a.c": "#include <secret.h>\n#include <linked/secret.h>\nint x = SECRET;\n"})
    (tmp_path / "tree/inc/secret.h").symlink_to(tmp_path / "outside/secret.h")
    (tmp_path / "tree/inc/linked").symlink_to(tmp_path / "outside")
    tree = Tree(str(tmp_path / "tree"))
    guess, _, _ = search(tree, str(tmp_path / "tree/a.c"), ())
    assert set(guess.stubs) == {"secret.h", "linked/secret.h"}
    assert not guess.includes
    assert not guess.borrowed
    assert tree.text("inc/secret.h") == b""
    assert tree.text("../outside/secret.h") == b""


def test_a_macro_that_hides_a_definition_is_defined(guessing: Guessing) -> None:
    files = {
        "a.c": "#include <page.h>\nint x = SHIFT;\n",
        "inc/page.h": "#if defined(CONFIG_ARM_32)\n#elif defined(CONFIG_ARM_64)\n#define SHIFT 3\n#endif\n",
    }
    guess, after = guessing(files, "a.c")
    assert guess.macros["CONFIG_ARM_64"].value == "1"
    assert "inc/page.h:3" in guess.macros["CONFIG_ARM_64"].where
    assert "CONFIG_ARM_32" not in guess.macros
    assert after.total == 0


def test_a_macro_decides_an_include(guessing: Guessing) -> None:
    files = {
        "a.c": "#include <asm/atomic.h>\nint f(void) { return barrier(); }\n",
        "inc/asm/atomic.h": (
            "#if defined(CONFIG_RISCV)\n# include <asm/riscv/atomic.h>\n#elif defined(CONFIG_ARM_64)\n"
            "# include <asm/arm64/atomic.h>\n#else\n# error no architecture\n#endif\n"
        ),
        "inc/asm/arm64/atomic.h": "static inline int barrier(void) { return 1; }\n",
        "inc/asm/riscv/atomic.h": "static inline int barrier(void) { return 2; }\n",
    }
    guess, after = guessing(files, "a.c")
    assert set(guess.macros) == {"CONFIG_ARM_64"}
    assert after.total == 0


def test_a_macro_is_taken_from_the_header_that_has_it(guessing: Guessing) -> None:
    files = {
        "a.c": "int f(int va) { return INDEX(va, 3) + BITS; }\n",
        "inc/table.h": "#ifdef OTHER\n#error not for us\n#endif\n#define INDEX(va, l) (((va) >> SHIFT(l)) & 511)\n"
        "#define BITS 9 /* of an index */\n#define SHIFT(l) (39 - 9 * (l))\n",
    }
    guess, after = guessing(files, "a.c")
    assert after.total == 0
    assert "inc/table.h" in guess.forced or guess.macros["BITS"].value == "9"


def test_a_header_is_forced_for_its_type_and_function(guessing: Guessing) -> None:
    files = {
        "a.c": "u64 f(void) { return read_root(); }\n",
        "inc/types.h": "typedef unsigned long u64;\n",
        "inc/root.h": '#include "types.h"\nu64 read_root(void);\n',
        "tests/root.h": "int read_root(void);\ntypedef int u64;\n",
    }
    guess, after = guessing(files, "a.c")
    assert after.total == 0
    assert set(guess.forced) <= {"inc/types.h", "inc/root.h"}
    assert guess.forced
    assert all("declares" in why for why in guess.forced.values())
    assert loaded(guess.dump()) == guess


def test_what_makefiles_say_is_heard(guessing: Guessing) -> None:
    files = {
        "Makefile": "USERINCLUDE := \\\n\t-include $(srctree)/include/user.h\nKERNINCLUDE := $(USERINCLUDE)\n"
        "CFLAGS += -D__KERN__ \\\n\t-include $(srctree)/include/config.h\nHOSTCFLAGS += -DHOST $(HOSTINCLUDE)\n"
        "HOSTINCLUDE = -include host.h\n"
        "ifeq ($(CONFIG_DEBUG),y)\nCFLAGS += -DDEBUG\nendif\n",
        "mm/a.c": "#ifndef __KERN__\n#error not the kernel\n#endif\n#include <x.h>\nint x = FORCED;\n"
        "#if defined(HOST) || defined(DEBUG)\n"
        "#error wrong\n#endif\n",
        "include/config.h": "#define FORCED 1\n",
        "include/user.h": HEADER,
        "host.h": "#error for tools\n",
        "include/x.h": HEADER,
    }
    guess, after = guessing(files, "mm/a.c")
    assert guess.forced == {"include/user.h": "Makefile:3", "include/config.h": "Makefile:4"}
    assert guess.macros["__KERN__"].where == "Makefile:4"
    assert after.total == 0


def test_kbuild_speaks_of_the_code_and_build_of_the_tools(guessing: Guessing) -> None:
    files = {
        "Makefile": "KBUILD_CPPFLAGS := -D__KERNEL__\nKBUILD_CFLAGS := -fshort-wchar\nBUILD_CFLAGS = -DTOOL\n",
        "mm/a.c": "#ifndef __KERNEL__\n#error not the kernel\n#endif\n#ifdef TOOL\n#error wrong\n#endif\n"
        "int x[sizeof(L'a') == 2 ? 1 : -1];\n",
    }
    guess, after = guessing(files, "mm/a.c")
    assert guess.macros["__KERNEL__"].where == "Makefile:1"
    assert "-fshort-wchar" in guess.flags
    assert after.total == 0


def test_numbers_come_from_the_tree(guessing: Guessing) -> None:
    files = {
        "mm/a.c": "#include <x.h>\nlong x = 1L << VA_BITS_MAX, y = KERNEL_BASE;\n",
        "x.h": "#ifndef KERNEL_BASE\n#error give it\n#endif\n",
        "arch/arm/rules.mk": "KERNEL_BASE ?= 0x1000\n",
        "arch/arm64/rules.mk": "BASE := 0xffff000000000000\nKERNEL_BASE ?= $(BASE)\nVA_BITS_MAX := 39\n",
    }
    guess, after = guessing(files, "mm/a.c")
    assert guess.macros["VA_BITS_MAX"].value == "39"
    assert guess.macros["KERNEL_BASE"].value in ("0xffff000000000000", "0x1000")
    assert after.total == 0


@pytest.mark.parametrize(
    ("use", "kind", "text"),
    [
        ("int f(int x) { return x << MY_PAGE_SHIFT; }", "macro", "MY_PAGE_SHIFT=12"),
        ("int f(void) { return NOBODY_KNOWS; }", "macro", "NOBODY_KNOWS=1"),
        ("long f(void) { return HEAP_BASE; }", "declaration", "extern unsigned long HEAP_BASE;"),
        ("void *f(void) { return (void *)get_it(3); }", "declaration", "unsigned long get_it();"),
        ("u32 f(void) { return 0; }", "declaration", "typedef unsigned int u32;"),
        ("uint64_t f(void) { return 0; }", "forced", "<stdint.h>"),
        ("static int __odd f(void) { return 0; }", "macro", "__odd="),
    ],
)
def test_what_the_tree_does_not_define_has_a_stand_in(guessing: Guessing, use: str, kind: str, text: str) -> None:
    guess, after = guessing({"a.c": f"{use}\n"}, "a.c")
    flags = {"macro": [one.flag for one in guess.macros.values()], "declaration": list(guess.declarations)}
    assert text in {**flags, "forced": list(guess.forced)}[kind]
    assert after.total == 0


@pytest.mark.parametrize(
    ("name", "text", "flag"),
    [
        ("a.c", "struct s { bool b; };\nstatic_assert(sizeof(struct s) == 1);\n", "-std=gnu2x"),
        (
            "a.c",
            "struct s { int a; };\nstruct t { struct s; };\nint f(struct t *t) { return t->a; }\n",
            "-fms-extensions",
        ),
        ("a.c", "_Static_assert(sizeof (L'A') == 2, \"\");\n", "-fshort-wchar"),
        ("a.cc", "void f() throw(int);\n", "-std=gnu++14"),
    ],
)
def test_the_language_is_found_by_its_errors(guessing: Guessing, name: str, text: str, flag: str) -> None:
    guess, after = guessing({name: text}, name)
    assert list(guess.flags) == [flag]
    assert after.total == 0


def test_a_makefile_says_the_language(guessing: Guessing) -> None:
    files = {
        "Makefile": "CFLAGS := -std=gnu11 -fshort-wchar -O2\nCXXFLAGS := -std=gnu++17\n",
        "a.c": "#include <x.h>\n",
    }
    guess, _ = guessing(files, "a.c")
    assert guess.flags == {"-std=gnu11": "Makefile:1", "-fshort-wchar": "Makefile:1"}


def test_a_header_above_an_architectures_own_includes_it_itself(guessing: Guessing) -> None:
    files = {
        "src/arm64/a.c": "#include <signal.h>\nint x = SIGNAL + OWN;\n",
        "headers/signal.h": "#include <arch/arm64/signal.h>\n#define SIGNAL 1\n",
        "headers/arch/arm64/signal.h": "#define OWN 2\n",
    }
    guess, after = guessing(files, "src/arm64/a.c")
    assert list(guess.includes) == ["headers"]
    assert after.total == 0


def test_a_guess_that_helps_nothing_is_taken_back(guessing: Guessing) -> None:
    files = {
        "a.c": "int f(void) { return helper(); }\n",
        "inc/h.h": "int helper(void);\n#error never\n#error at all\nno_type x;\nno_type y;\n",
    }
    guess, after = guessing(files, "a.c")
    assert "inc/h.h" not in guess.forced
    assert after.own == 0


def test_the_budget_ends_the_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "PARSES", 3)
    write(tmp_path, {".git/HEAD": "", "a.c": "#include <a/b.h>\nint x = A + B + C;\n"})
    write(tmp_path, {"x/a/b.h": "#include <c.h>\n", "y/c.h": "#include <d.h>\n", "z/d.h": "#define A 1\n"})
    guess, before, after = search(Tree(str(tmp_path)), str(tmp_path / "a.c"), ())
    assert after.own <= before.own
    assert guess is not None


def test_hostile_text_does_no_harm(guessing: Guessing) -> None:
    files = {
        "a.c": "#include <x.h>\nint f(void) { return NAME; }\n",
        "inc/x.h": "#if (((\n#define NAME 1\n#endif\n#else\n#endif\n#if 1 +\n#elif defined\n#endif\n",
        "Makefile": "CFLAGS += -D'x y\" -include\nCFLAGS += -include $(shell rm -rf /)/x.h `touch ran`\n",
        "Kconfig": 'config\nsource "$(shell,touch ran)"\nchoice\nconfig A\n\tdefault y if ((\nendmenu\nendif\n'
        'source "Kconfig"\n',
    }
    guessing(files, "a.c")
    assert not os.path.exists("ran")


def test_a_header_of_c_gets_declarations_of_c(guessing: Guessing) -> None:
    text = "static inline int f(void) { return missing_call(3); }\n"
    guess, after = guessing({"a.h": text}, "a.h")
    assert after.total == 0
    assert not any('extern "C"' in one for one in guess.declarations)


def test_what_a_makefile_includes_first_is_kept_for_assembly(guessing: Guessing) -> None:
    files = {
        "sys/Rules.mk": "CFLAGS += -pipe -include $(BASE)/include/sys/config.h\n",
        "sys/include/sys/config.h": "#define BIT(n) (1 << n)\n",
        "sys/boot/head.S": "#include <other.h>\nstart:\n\tmov x0, #BIT(3)\n\tret\n",
        "sys/include/other.h": HEADER,
    }
    guess, _ = guessing(files, "sys/boot/head.S")
    assert list(guess.forced) == ["sys/include/sys/config.h"]
    files["sys/Rules.mk"] = "CFLAGS += -pipe\n"
    guess, _ = guessing(files, "sys/boot/head.S")
    assert not guess.forced


def test_a_macro_that_another_macro_uses_is_looked_for(guessing: Guessing) -> None:
    files = {
        "mm/flush.h": '#define MAKE(name) void name(void) { asm(CHOICE("nop", "isb")); }\nMAKE(one)\nMAKE(two)\n',
        "include/choice.h": "#define _CHOICE(a, b) a\n#define CHOICE(a, b) _CHOICE(a, b)\n",
    }
    guess, after = guessing(files, "mm/flush.h")
    assert list(guess.forced) == ["include/choice.h"]
    assert after.total == 0


@pytest.mark.parametrize(
    ("statement", "wanted"), [("branch_el x9, 1f", {"CONFIG_ARM64"}), ("nop", set()), ("b 1f", set())]
)
def test_a_macro_of_the_assembler_that_a_condition_hides_is_revealed(
    guessing: Guessing, statement: str, wanted: set[str]
) -> None:
    files = {
        "tlb.S": f'#include "macro.h"\nflush:\n\t{statement}\n1:\ttlbi alle3\n\tret\n',
        "macro.h": (
            "#ifdef __ASSEMBLY__\n.macro store, at\n\tstr x0, [\\at]\n.endm\n#ifdef CONFIG_ARM64\n"
            ".macro branch_el, reg, label\n\tmrs \\reg, CurrentEL\n\tb \\label\n.endm\n"
            ".macro nop\n\thint #0\n.endm\n#endif\n#endif\n"
        ),
    }
    guess, after = guessing(files, "tlb.S")
    assert set(guess.macros) == wanted
    assert after.total == 0


def test_a_macro_of_the_assembler_that_is_read_somewhere_is_not_hidden(guessing: Guessing) -> None:
    macro = ".macro store, at\n\tstr {}0, [\\at]\n.endm\n"
    files = {
        "tlb.S": '#include "macro.h"\nput:\n\tstore x1\n\tret\n',
        "macro.h": f"#ifdef CONFIG_32BIT\n{macro.format('r')}#else\n{macro.format('x')}#endif\n",
    }
    guess, _ = guessing(files, "tlb.S")
    assert not guess.macros


@pytest.mark.parametrize(("name", "macros"), [("release", ["CONFIG_PAGER"]), ("other", [])])
def test_a_function_that_is_here_is_switched_on_where_a_header_stands_in_for_it(
    guessing: Guessing, name: str, macros: list[str]
) -> None:
    header = (
        "#ifdef CONFIG_PAGER\nvoid release(int *);\n#else\nstatic inline void release(int *p) { *p = 0; }\n#endif\n"
    )
    files = {"mm/a.c": f'#include "pager.h"\nvoid {name}(int *p) {{ *p = 1; }}\n', "mm/pager.h": header}
    guess, after = guessing(files, "mm/a.c")
    assert list(guess.macros) == macros
    assert after.total == 0


@pytest.mark.parametrize(("lines", "includes"), [(5, ["lib/inc"]), (12, [])])
def test_headers_that_let_more_be_read_are_kept_though_more_errors_show(
    guessing: Guessing, lines: int, includes: list[str]
) -> None:
    body = "".join(f"\text::step{number}();\n" for number in range(lines))
    files = {
        "mm/a.cc": f"#include <vm/space.hpp>\n#include <ext/list.hpp>\nvoid Space::map()\n{{\n{body}}}\n",
        "lib/inc/vm/space.hpp": "#pragma once\nstruct Space { void map(); };\n",
    }
    guess, _ = guessing(files, "mm/a.cc")
    assert list(guess.includes) == includes
