"""Sources of any size, written by us: what real files look like (`ordinary`, `translation`), and what grows.

All are AArch64 C or C++ that clang takes without an error. Every generated function is some page-table work, correct
but for one missing barrier in `translation`, so that nothing can be skipped for being trivially clean.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

TARGET = "--target=aarch64-linux-gnu"

_TYPES = """typedef unsigned long u64;
typedef struct { u64 pte; } pte_t;
#define VALID 1ul
extern pte_t *pte_of(u64 va);
extern volatile unsigned int *device(u64 va);
"""
_SYNC = """static inline void table_sync(void) { __asm__ volatile("dsb ishst\\n\\tisb" ::: "memory"); }
static inline void tlb_page(u64 va)
{
    u64 page = (va >> 12) & 0xffffffffffful;
    __asm__ volatile("dsb ishst\\n\\ttlbi vaae1is, %0\\n\\tdsb ish\\n\\tisb" :: "r"(page) : "memory");
}
"""


def ordinary(lines: int) -> str:
    """C without any table: parsing of options, lists, checksums."""
    parts = ["#include <stddef.h>\nstruct node { struct node *next; int key; unsigned flags; };\n"]
    number = 0
    while sum(part.count("\n") for part in parts) < lines:
        number += 1
        parts.append(
            f"""
int sum_{number}(const struct node *list, int limit)
{{
    int total = {number};
    for (const struct node *at = list; at != NULL; at = at->next) {{
        if (at->key > limit)
            continue;
        total += at->flags & {number}u ? at->key : -at->key;
    }}
    return total;
}}
"""
        )
    return "".join(parts)


def mapping(number: int, calls: str = "") -> str:
    """A function that maps or unmaps a page, with all its barriers."""
    return f"""
void map_{number}(u64 va, u64 pa, unsigned flags)
{{
    pte_t *slot = pte_of(va + {number}ul * 4096);
    if (flags & 1)
        slot->pte = 0;
    else
        slot->pte = (pa & ~0xffful) | 0x703ul;
    if (flags & 1)
        tlb_page(va + {number}ul * 4096);
    else
        table_sync();
    {calls}
    *device(va) = {number};
}}
"""


def functions(count: int) -> str:
    """`count` functions beside each other."""
    return _TYPES + _SYNC + "".join(mapping(number) for number in range(count))


def chain(depth: int) -> str:
    """Functions that call each other `depth` deep; the last writes, the first depends on it."""
    parts = [_TYPES, _SYNC]
    parts.append("static void step_0(u64 va, u64 pa) { pte_of(va)->pte = pa | 0x703ul; }\n")
    for number in range(1, depth):
        parts.append(
            f"static void step_{number}(u64 va, u64 pa) {{ if (va & {1 << (number % 12)}ul) step_{number - 1}(va, pa); "
            f"else step_{number - 1}(va + 4096, pa); }}\n"
        )
    parts.append(f"void map(u64 va, u64 pa) {{ step_{depth - 1}(va, pa); table_sync(); *device(va) = 1; }}\n")
    return "".join(parts)


def instantiations(count: int) -> str:
    """A class template of a page-table level, instantiated `count` times (C++)."""
    head = """
template<int N> struct level {
    pte_t *table;
    void write(u64 index, u64 value) { table[index & 511].pte = value | N; }
    void map(u64 va, u64 pa) { write(va >> 12, pa | 0x701ul); table_sync(); }
};
"""
    uses = (f"void use_{n}(level<{n}> &at, u64 va) {{ at.map(va, va); *device(va) = {n}; }}\n" for n in range(count))
    return _TYPES + _SYNC + head + "".join(uses)


def switch(cases: int) -> str:
    """One function with a switch of `cases` cases, each of which writes a descriptor."""
    arms = "".join(
        f"    case {n}: pte_of(va + {n}ul)->pte = pa | {0x701 | (n % 8) << 2}ul; break;\n" for n in range(cases)
    )
    return f"""{_TYPES}{_SYNC}
void map(unsigned kind, u64 va, u64 pa)
{{
    switch (kind) {{
{arms}    default: return;
    }}
    table_sync();
    *device(va) = 1;
}}
"""


GROWTH: dict[str, tuple[Callable[[int], str], str, tuple[int, ...]]] = {
    "functions": (functions, ".c", (10, 100, 1_000, 10_000)),
    "call chain": (chain, ".c", (10, 100, 1_000)),
    "instantiations": (instantiations, ".cc", (10, 100, 1_000)),
    "switch": (switch, ".c", (10, 100, 1_000, 5_000)),
}
"""What grows: its source by size, the file's suffix, the sizes."""


def translation() -> str:
    """About 1,000 lines of C++ with standard headers: page tables as classes, their users, one barrier missing."""
    head = """#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace vm {
using u64 = std::uint64_t;
struct pte { u64 bits; };
constexpr u64 valid = 1, table = 2, page = 3, af = 1ul << 10, af_ro = 3ul << 6;
inline void sync() { asm volatile("dsb ishst\\n\\tisb" ::: "memory"); }
inline void flush(u64 va)
{
    u64 page = (va >> 12) & 0xffffffffffful;
    asm volatile("dsb ishst\\n\\ttlbi vaae1is, %0\\n\\tdsb ish\\n\\tisb" :: "r"(page) : "memory");
}
pte *root();
u64 fresh_page();
inline pte *at(pte *base, int level, u64 va) { return base + ((va >> (39 - 9 * level)) & 511); }
inline pte *next(pte entry) { return reinterpret_cast<pte *>(entry.bits & 0xfffffffff000ul); }
}
"""
    unit = """
namespace vm {{
class region_{n} {{
public:
    region_{n}(u64 base, u64 size) : base_(base), size_(size) {{}}
    bool contains(u64 va) const {{ return va >= base_ && va - base_ < size_; }}
    void name(const std::string &text) {{ names_.push_back(text); }}
    pte *walk(u64 va, bool make)
    {{
        pte *table_at = root();
        for (int level = 0; level < 3; level++) {{
            pte *slot = at(table_at, level, va);
            if (!(slot->bits & valid)) {{
                if (!make)
                    return nullptr;
                *slot = pte{{fresh_page() | table | valid}};
            }}
            table_at = next(*slot);
        }}
        return at(table_at, 3, va);
    }}
    void map(u64 va, u64 pa)
    {{
        std::lock_guard<std::mutex> guard(lock_);
        pte *slot = walk(va, true);
        *slot = pte{{pa | page | af}};
        {sync}
        mapped_[va] = pa;
    }}
    void unmap(u64 va)
    {{
        std::lock_guard<std::mutex> guard(lock_);
        if (pte *slot = walk(va, false)) {{
            *slot = pte{{0}};
            flush(va);
            mapped_.erase(va);
        }}
    }}
    u64 touch(u64 va) {{ map(va, va); return *reinterpret_cast<volatile u64 *>(va); }}
    std::size_t longest() const
    {{
        auto found = std::max_element(names_.begin(), names_.end(),
            [](const auto &a, const auto &b) {{ return a.size() < b.size(); }});
        return found == names_.end() ? 0 : found->size();
    }}
private:
    u64 base_, size_;
    std::mutex lock_;
    std::map<u64, u64> mapped_;
    std::vector<std::string> names_;
}};
u64 use_{n}(u64 va)
{{
    region_{n} one(va, 4096);
    one.name("region {n}");
    return one.contains(va) ? one.touch(va) : one.longest();
}}
}}
"""
    parts = [head]
    number = 0
    while sum(part.count("\n") for part in parts) < 1_000:
        parts.append(unit.format(n=number, sync="sync();" if number else 'asm volatile("dsb ishst" ::: "memory");'))
        number += 1
    return "".join(parts)


def project(folder: Path, count: int) -> None:
    """Write `count` files that share a header and call each other, and their compile database."""
    folder.mkdir(parents=True, exist_ok=True)
    declared = "".join(f"void map_{number}(u64 va, u64 pa, unsigned flags);\n" for number in range(count))
    (folder / "mmu.h").write_text(_TYPES + _SYNC + declared, encoding="utf-8")
    entries = []
    for number in range(count):
        name = f"unit{number}.c"
        calls = f"if (flags & 2) map_{number - 1}(va, pa, flags);" if number % 10 else ""
        (folder / name).write_text(f'#include "mmu.h"\n{mapping(number, calls)}', encoding="utf-8")
        words = ["cc", TARGET, "-c", name]
        entries.append({"directory": str(folder), "file": name, "arguments": words})
    (folder / "compile_commands.json").write_text(json.dumps(entries), encoding="utf-8")
