"""How the simulator's time grows, family by family, and the whole litmus set; against herd7 where it is installed.

Usage: `python -m benchmarks.sim_growth [--herd] [--limit SECONDS]`. herd7 is looked for in $HERD7 and on the path.
Prints one line a test: name, result, states, milliseconds, and herd7's result and milliseconds (not for `tables`: herd7
has none above the leaf). Exit status 1 if one of ours takes a second or more, or disagrees with herd7.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

from barrierlint.sim.litmus import parse
from barrierlint.sim.run import simulate

LITMUS = Path(__file__).parent.parent / "fixtures" / "litmus"
NAMES = [f"p{n}" for n in range(10)]


def _test(name: str, init: list[str], columns: list[list[str]], condition: str) -> str:
    height = max(len(column) for column in columns)
    head = " | ".join(f"P{n}" for n in range(len(columns)))
    rows = [" | ".join(column[row] if row < len(column) else "" for column in columns) for row in range(height)]
    body = " ;\n ".join([head, *rows])
    return f"AArch64 {name}\n{{\n" + "\n".join(init) + f"\n}}\n {body} ;\nexists ({condition})\n"


def map_then_touch(count: int, barriers: bool, each: str) -> str:
    """One batch of descriptor writes, then a load of every page."""
    init, code = [], []
    for n, page in enumerate(NAMES[:count]):
        init.append(f"[PTE({page})]=(oa:PA({page}), valid:0); 0:X{n}=PTE({page});")
        init.append(f"pteval_t 0:X{n + 10}=(oa:PA({page})); 0:X{n + 20}={page};")
        code.append(f"STR X{n + 10},[X{n}]")
    code += ["DSB ISHST", "ISB"] if barriers else []
    for n in range(count):
        code += [f"L{n}:", f"LDR W30,[X{n + 20}]"]
    faults = f" {each} ".join(f"fault(P0:L{n},{page},MMU:Translation)" for n, page in enumerate(NAMES[:count]))
    suffix = "fenced" if barriers else "none"
    return _test(f"map{count}.{suffix}", init, [code], faults)


def publish(count: int, ordered: bool) -> str:
    """P0 maps pages and raises a flag; P1 sees it and loads them all."""
    init, writer, reader = ["0:X8=y; 1:X8=y;"], [], ["LDR W5,[X8]", "EOR W6,W5,W5"]
    for n, page in enumerate(NAMES[:count]):
        init.append(f"[PTE({page})]=(oa:PA({page}), valid:0); 0:X{n}=PTE({page});")
        init.append(f"pteval_t 0:X{n + 10}=(oa:PA({page})); 1:X{n + 20}={page};")
        writer.append(f"STR X{n + 10},[X{n}]")
        reader += [f"L{n}:", f"LDR W9,[X{n + 20},W6,SXTW]" if ordered else f"LDR W9,[X{n + 20}]"]
    writer += ["MOV W9,#1", *(["DMB ST"] if ordered else []), "STR W9,[X8]"]
    faults = " \\/ ".join(f"fault(P1:L{n},{page},MMU:Translation)" for n, page in enumerate(NAMES[:count]))
    return _test(f"publish{count}.{'ordered' if ordered else 'po'}", init, [writer, reader], f"1:X5=1 /\\ ({faults})")


def tables(count: int, ordered: bool) -> str:
    """P0 fills leaf tables that held old descriptors and links them at level 2; P1 loads a page of each: an old one?"""
    init, fill, link, reader = ["z=9;"], [], [], []
    for n, page in enumerate(NAMES[:count]):
        init.append(f"[TTD({page},level:2)]=(table:TTD({page}), valid:0); [TTD({page})]=(oa:PA(z));")
        init.append(f"0:X{n}=TTD({page}); 0:X{n + 10}=TTD({page},level:2); 0:X{n + 20}=(table:TTD({page}));")
        fill += [f"STR X30,[X{n}]"]
        link += [f"STR X{n + 20},[X{n + 10}]"]
        init.append(f"1:X{n}={page};")
        reader.append(f"LDR W{n + 10},[X{n}]")
    init.append("0:X30=(oa:PA(y));")
    wanted = " \\/ ".join(f"1:X{n + 10}=9" for n in range(count))
    code = [*fill, *(["DMB ST"] if ordered else []), *link]
    return _test(f"tables{count}.{'ordered' if ordered else 'po'}", init, [code, reader], wanted)


def readers(count: int, broken: bool, joined: str) -> str:
    """Break-before-make (or not) of one page against readers that load it twice: new, then old?"""
    init = ["int x=1; int z=2; 0:X0=PTE(x); 0:X2=x;"]
    init.append("pteval_t 0:X1=(oa:PA(x), valid:0); pteval_t 0:X7=(oa:PA(z));")
    init += [f"{n}:X2=x;" for n in range(1, count + 1)]
    tlbi = ["DSB ISH", "LSR X9,X2,#12", "TLBI VAAE1IS,X9", "DSB ISH"]
    writer = ["STR X1,[X0]", *tlbi, "STR X7,[X0]"] if broken else ["STR X7,[X0]", *tlbi]
    reader = ["LDR W3,[X2]", "LDR W4,[X2]"]
    each = f" {joined} ".join(f"({n}:X3=2 /\\ {n}:X4=1)" for n in range(1, count + 1))
    name = f"readers{count}.{'bbm' if broken else 'direct'}.{'any' if '/' not in joined[0] else 'all'}"
    return _test(name, init, [writer, *([reader] * count)], each)


def rounds(count: int, invalidate: bool, reader: bool) -> str:
    """Unmap and map again and again; then a load, or another PE's two loads."""
    init = ["0:X0=PTE(x); pteval_t 0:X1=(oa:PA(x), valid:0); pteval_t 0:X7=(oa:PA(x)); 0:X2=x; 1:X2=x;"]
    tlbi = ["LSR X9,X2,#12", "TLBI VAAE1IS,X9", "DSB ISH"] if invalidate else []
    code = ["STR X1,[X0]", "DSB ISH", *tlbi, "STR X7,[X0]", "DSB ISH"] * count
    name = f"rounds{count}.{'full' if invalidate else 'notlbi'}{'.reader' if reader else ''}"
    if reader:
        watch = ["L0:", "LDR W3,[X2]", "L1:", "LDR W4,[X2]"]
        return _test(name, init, [code, watch], "~fault(P1:L0,x) /\\ fault(P1:L1,x,MMU:Translation)")
    init[0] = init[0].replace(" 1:X2=x;", "")
    return _test(name, init, [[*code, "ISB", "L0:", "LDR W3,[X2]"]], "fault(P0:L0,x,MMU:Translation)")


def families() -> Iterator[str]:
    """Every test of every family, smallest first."""
    for count in range(1, 11):
        for barriers in (False, True):
            yield map_then_touch(count, barriers, "\\/")
    for count in range(1, 7):
        for ordered in (False, True):
            yield publish(count, ordered)
            yield tables(count, ordered)
    for joined in ("\\/", "/\\"):
        for count in range(1, 6):
            for broken in (False, True):
                yield readers(count, broken, joined)
    for reader in (False, True):
        for count in range(1, 6):
            for invalidate in (False, True):
                yield rounds(count, invalidate, reader)


def herd(binary: str, text: str, limit: float) -> tuple[str, float]:
    """Return herd7's result for `text` and its seconds; `TIMEOUT` after `limit`."""
    with tempfile.NamedTemporaryFile("w", suffix=".litmus") as file:
        file.write(text)
        file.flush()
        start = monotonic()
        try:
            command = [binary, "-variant", "vmsa,fatal", file.name]
            run = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
        except subprocess.TimeoutExpired:
            return "TIMEOUT", limit
        observed = [line.split()[2] for line in run.stdout.splitlines() if line.startswith("Observation")]
        word = {"Never": "FORBIDDEN", "Sometimes": "ALLOWED", "Always": "ALLOWED"}
        return word.get(observed[0], "?") if observed else "ERROR", monotonic() - start


def main() -> int:
    """Run the families, then the litmus set."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--herd", action="store_true", help="run herd7 as well")
    arguments.add_argument("--limit", type=float, default=10.0, help="seconds herd7 may take for one test")
    options = arguments.parse_args()
    binary = os.environ.get("HERD7") or shutil.which("herd7") if options.herd else None
    failed, ours, theirs, worst = 0, 0.0, 0.0, 0.0
    whole = [path.read_text(encoding="utf-8") for path in sorted(LITMUS.glob("*.litmus"))]
    for position, text in enumerate([*families(), *whole]):
        start = monotonic()
        outcome = simulate(parse(text))
        spent = monotonic() - start
        ours, worst = ours + spent, max(worst, spent)
        line = f"{outcome.name:34} {outcome.result:10} {outcome.states:6} {spent * 1000:8.1f} ms"
        wrong = spent >= 1
        if binary and "S13" not in outcome.name and ",level:" not in text:
            result, seconds = herd(binary, text, options.limit)
            theirs += seconds
            line += f"   herd7 {result:10} {seconds * 1000:8.0f} ms"
            wrong |= result in ("ALLOWED", "FORBIDDEN") and result != outcome.result
        failed += wrong
        if wrong or position < len([*families()]):
            print(line + ("   <-- wrong" if wrong else ""))
    print(f"total {ours:.2f} s, slowest {worst * 1000:.0f} ms" + (f"; herd7 {theirs:.1f} s" if binary else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
