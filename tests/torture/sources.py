"""Sources that nobody writes: generated webs of gotos, towers of blocks, floods of cases. Each writes a descriptor, so
that the analysis follows it as well.
"""

from __future__ import annotations

import os
import random

PTE = "typedef unsigned long pte_t;\n"
FULL = bool(os.environ.get("BARRIERLINT_TORTURE"))
WRITE = "*(volatile pte_t *)p = v;"


def full(size: int, small: int) -> int:
    """The size asked for, the small one without BARRIERLINT_TORTURE: what is generated takes its time."""
    return size if FULL else small


def goto_web(labels: int = full(150, 60)) -> str:
    """A function in which every label may lead to three others, forwards and backwards."""
    pick = random.Random(1)
    body = []
    for at in range(labels):
        first, second = pick.randrange(labels), pick.randrange(labels)
        act = WRITE if at % 25 == 3 else f"x += *(volatile int *)(va + {at});"
        body.append(f"l{at}: {act} if (x & {1 << at % 30}) goto l{first}; if (x > {at}) goto l{second};")
    return f"{PTE}int web(pte_t *p, pte_t v, unsigned long va, int x)\n{{\n" + "\n".join(body) + "\nreturn x;\n}\n"


def computed_gotos(labels: int = full(60, 20)) -> str:
    """A table of addresses of labels, each of which may lead to all."""
    table = ", ".join(f"&&l{at}" for at in range(labels))
    body = "\n".join(f"l{at}: {WRITE if at % 20 == 1 else 'x++;'} goto *t[x % {labels}];" for at in range(labels))
    return f"{PTE}int jump(pte_t *p, pte_t v, int x)\n{{\nvoid *t[] = {{{table}}};\ngoto *t[x];\n{body}\n}}\n"


def wide_switch(cases: int = full(5000, 300)) -> str:
    """A switch with thousands of cases, some of which fall through."""
    body = "\n".join(f"case {at}: x += {at}; {'break;' if at % 3 else WRITE}" for at in range(cases))
    return (
        f"{PTE}int wide(pte_t *p, pte_t v, volatile int *va, int x)\n{{\nswitch (x) {{\n{body}\n}}\nreturn *va;\n}}\n"
    )


def long_function(lines: int = full(20_000, 400)) -> str:
    """A function of very many lines."""
    body = "\n".join(f"\tx = x * {at} + y;" for at in range(lines))
    head = f"{PTE}int longer(pte_t *p, pte_t v, volatile int *va, int x, int y)"
    return f"{head}\n{{\n\t{WRITE}\n{body}\n\treturn *va + x;\n}}\n"


def parentheses(deep: int = 5000) -> str:
    """An expression in very many parentheses."""
    return f"int f(int x) {{ return {'(' * deep}x{')' * deep}; }}\n"


def ternaries(deep: int = full(400, 60)) -> str:
    """A choice in a choice in a choice."""
    return f"int f(int x) {{ return {''.join(f'x == {at} ? {at} : ' for at in range(deep))}x; }}\n"


def nested_blocks(deep: int = full(180, 50)) -> str:
    """Conditions inside conditions, a write in the innermost."""
    open_ = "".join(f"if (x > {at}) {{ x--; " for at in range(deep))
    return f"{PTE}int f(pte_t *p, pte_t v, volatile int *va, int x) {{ {open_}{WRITE}{'}' * deep} return *va; }}\n"


def else_ifs(count: int = full(1500, 100)) -> str:
    """A ladder of conditions: each is nested in the one before."""
    ladder = "".join(f"if (x == {at}) x += {at};\nelse " for at in range(count))
    return f"int f(int x)\n{{\n{ladder}x = 0;\nreturn x;\n}}\n"


def nested_loops(deep: int = full(40, 12)) -> str:
    """Loops inside loops, with ways out of all."""
    names = [f"i{at}" for at in range(deep)]
    open_ = "".join(
        f"for (int {one} = 0; {one} < x; {one}++) {{ if (x == {at}) goto out; " for at, one in enumerate(names)
    )
    return f"{PTE}int f(pte_t *p, pte_t v, volatile int *va, int x) {{ {open_}{WRITE}{'}' * deep} out: return *va; }}\n"


def initialiser(elements: int = full(100_000, 3000)) -> str:
    """A table of very many numbers, and one of functions."""
    numbers = ", ".join(str(at) for at in range(elements))
    functions = "".join(f"static int g{at}(void) {{ return {at}; }}\n" for at in range(300))
    table = ", ".join(f"g{at}" for at in range(300))
    call = "int f(int x) { return h[x]() + n[x]; }\n"
    return f"static const int n[] = {{{numbers}}};\n{functions}static int (*const h[])(void) = {{{table}}};\n{call}"


def exploding_macros(levels: int = 14) -> str:
    """A dozen macros that stand for hundreds of millions of words."""
    macros = "".join(f"#define M{at} M{at - 1} M{at - 1} M{at - 1} M{at - 1}\n" for at in range(1, levels))
    return f"#define M0 +1\n{macros}int x = 0 M{levels - 1};\n"


def includes_itself() -> str:
    """A file that includes itself for ever."""
    return "#include __FILE__\nint x;\n"


def nested_lambdas(deep: int = full(60, 15)) -> str:
    """A lambda in a lambda in a lambda, all of which capture."""
    open_ = "".join(f"auto f{at} = [&, a{at} = x + {at}] {{ x += a{at}; " for at in range(deep))
    close = "".join(f"}}; f{at}();" for at in reversed(range(deep)))
    return f"{PTE}int f(pte_t *p, pte_t v, volatile int *va, int x) {{ {open_}{WRITE}{close} return *va; }}\n"


def deep_templates(deep: int = full(400, 60)) -> str:
    """A template that makes another of itself, hundreds deep, each calling the next."""
    return f"""{PTE}
template <int N> struct level {{
    static int walk(pte_t *p, pte_t v, volatile int *va) {{ return level<N - 1>::walk(p, v, va) + N; }}
}};
template <> struct level<0> {{
    static int walk(pte_t *p, pte_t v, volatile int *va) {{ {WRITE} return *va; }}
}};
int f(pte_t *p, pte_t v, volatile int *va) {{ return level<{deep}>::walk(p, v, va); }}
"""


def exponential_templates(deep: int = 26) -> str:
    """A template whose instances double with every level: clang would work for hours."""
    return f"""template <int N, class T> struct tree {{
    struct left; struct right;
    static int f() {{ return tree<N - 1, typename tree::left>::f() + tree<N - 1, typename tree::right>::f(); }}
}};
template <class T> struct tree<0, T> {{ static int f() {{ return 1; }} }};
int g() {{ return tree<{deep}, int>::f(); }}
"""


def many_overriders(classes: int = full(300, 40)) -> str:
    """A virtual call that hundreds of classes may answer."""
    made = "".join(
        f"struct d{at} : base {{ int act(pte_t *p, pte_t v) override {{ {WRITE} return {at}; }} }};\n"
        for at in range(classes)
    )
    users = "".join(f"d{at} o{at};\n" for at in range(classes))
    call = "int f(base *b, pte_t *p, pte_t v, volatile int *va) { return b->act(p, v) + *va; }\n"
    return f"{PTE}struct base {{ virtual int act(pte_t *p, pte_t v) = 0; }};\n{made}{users}{call}"


def nested_tries(deep: int = full(60, 12)) -> str:
    """A handler around a handler around a handler."""
    open_ = "try { guard a; g(); " * deep
    close = "} catch (int) { g(); } " * deep
    guard = "struct guard { ~guard(); };\nvoid g();\n"
    return f"{PTE}{guard}int f(pte_t *p, pte_t v, volatile int *va) {{ {open_}{WRITE}{close} return *va; }}\n"


def call_chain(functions: int = full(1500, 80)) -> str:
    """A very long chain of calls, and recursion back to its start."""
    made = "".join(
        f"int c{at}(pte_t *p, pte_t v, volatile int *va, int x) {{ return c{at + 1}(p, v, va, x - 1); }}\n"
        for at in reversed(range(functions))
    )
    parameters = "(pte_t *p, pte_t v, volatile int *va, int x)"
    last = f"int c0{parameters};\nint c{functions}{parameters} {{ {WRITE} return x ? c0(p, v, va, x) : *va; }}\n"
    return PTE + last + made


C = (
    *(goto_web, computed_gotos, wide_switch, long_function, parentheses, ternaries, nested_blocks, else_ifs),
    *(nested_loops, initialiser, exploding_macros, includes_itself, call_chain),
)
CXX = (nested_lambdas, deep_templates, exponential_templates, many_overriders, nested_tries)
