"""Which of several files in a tree is meant: AArch64 before what names no architecture, other architectures last;
what serves the build before what serves tests and tools; nearest first; what is generic before one board's.

It judges by the words of paths; what a file is written for, `narrow` tells.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import takewhile

AARCH64 = frozenset(("aarch64", "arm64", "armv8", "armv8a", "armv9", "armv9a", "aa64"))
ARM = frozenset(("arm", "arm32", "arch32"))
_OTHER = re.compile(
    r"x86|x64|x86[-_]?64|amd64|i[3-6]86|ia32|ia64|em64t|riscv(?:32|64|hart)?|rv(?:32|64)|mips(?:32|64|el)?|powerpc(?:64)?|"
    r"ppc(?:32|64)?(?:le)?|sparc(?:32|64|v9)?|s390x?|m68k|sh[2-5]?|superh|arc|xtensa|loongarch(?:32|64)?|loongson|alpha|"
    r"hexagon|nios2|microblaze|openrisc|or1k|csky|aarch32|arm32|armv[4-7](?:-?[arm])?|thumb|cortexm|cortexr|avr(?:32)?|um|"
    r"parisc|hppa|tile|nds32|rx|unicore32|blackfin|h8300|ebc|z80|renesas|ceva|sim|hosted|sandbox|linuxu|win32|windows|vax"
)
_TESTED = """
test tests testing testsuite unittest unittests selftest selftests mock mocks tool tools scripts doc docs documentation
sample samples example examples hosttools fuzz bench benchmark benchmarks tftf
"""
_OUTSIDE = """
unit util utils host contrib third_party thirdparty 3rdparty external vendor compat stub stubs staging userspace user
userland apps bin sbin cmd bootloader boot efi efi_loader purgatory libstub build
"""
_APART = frozenset(_TESTED.split())
_ASIDE = _APART | frozenset(_OUTSIDE.split())
_GENERIC = ("qemu", "virt", "generic", "default", "template", "common", "fvp", "vexpress")
_SPLIT = re.compile(r"[-_.+]")
_COPROCESSOR = re.compile(rb"\bm(?:cr|rc)r?[ \t\\]+p15\b")
_WIDE = re.compile(rb"\b(?:x(?:[12]?\d|30)|tlbi|eret|\w+_el[123])\b", re.IGNORECASE)


@lru_cache(maxsize=100_000)
def architecture(folder: str) -> int:
    """Return 0 where the path names AArch64 last, 1 for Arm in general, 2 where it names none, 3 for another one."""
    found = 2
    for part in folder.lower().split("/"):
        words = {part, *_SPLIT.split(part)}
        joined = part.replace("-", "").replace("_", "")
        if words & AARCH64 or joined in AARCH64:
            found = 0
        elif _OTHER.fullmatch(joined) or any(_OTHER.fullmatch(word) for word in words):
            found = 3
        elif words & ARM and found != 0:
            found = 1
    return found


@lru_cache(maxsize=100_000)
def aside(folder: str) -> int:
    """Return how many parts of the path say that it serves no kernel: tests, tools, examples."""
    return sum(part in _ASIDE for part in folder.lower().split("/"))


@lru_cache(maxsize=100_000)
def apart(folder: str) -> int:
    """Return how many parts of the path say that it is not even built with the kernel."""
    return sum(part in _APART for part in folder.lower().split("/"))


def distance(folder: str, other: str) -> int:
    """Return the number of steps from one folder to another, up and down again."""
    left, right = (one.split("/") if one else [] for one in (folder, other))
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False)))
    return len(left) + len(right) - 2 * shared


def narrow(text: bytes) -> bool:
    """Whether a file is written for AArch32: it uses the coprocessor's instructions, and nothing of AArch64."""
    return _COPROCESSOR.search(text) is not None and _WIDE.search(text) is None


def twinned(path: str, others: Iterable[str]) -> bool:
    """Whether a file below `arm` has its twin below `arm64` beside it: it is AArch32's, then."""
    parts = path.lower().split("/")
    for place, part in enumerate(parts[:-1]):
        if part in ARM:
            head, tail = parts[:place], parts[place + 1 :]
            for other in others:
                same = other.lower().split("/")
                if same[:place] == head and same[place + 1 :] == tail and same[place] in AARCH64:
                    return True
    return False


def rank(
    path: str, near: str, beside: str | None = None, others: Iterable[str] = (), aarch32: bool = False
) -> tuple[int, int, int, int, int, str]:
    """Return the key that sorts candidates seen from folder `near`, the best first; paths are relative to the tree.

    The folder `beside`, of the file that asks, counts for distance too; `others` are all candidates. Seen from a file
    of AArch32, what names Arm comes before what names AArch64.

    What the asking folder itself is for (tests, another architecture) counts for nothing against a candidate.
    """
    folder = os.path.dirname(path)
    common = os.path.commonpath([folder, near]) if folder and near else ""
    own = architecture(folder)
    if aarch32 and own < 2:
        own = 1 - own
    elif own == 1 and twinned(path, others):
        own = 2
    elif own == 1 and architecture(common) == 1:
        own = 0
    elif own == 1 and architecture(near) == 0:
        own = 2
    board = next((at for at, word in enumerate(_GENERIC) if word in folder.lower()), len(_GENERIC))
    beyond = max(0, aside(folder) - aside(common))
    far = min(distance(folder, near), distance(folder, near if beside is None else beside))
    return (own == 3, beyond, own, far, board, path)
