"""Random programs: the search that is led by its goal agrees with the one that looks at every execution.

Other relations hold for any program: ETS only removes outcomes, and so does a stronger barrier.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from barrierlint.sim.condition import All, Any, Not, Proposition
from barrierlint.sim.litmus import LitmusTest, parse
from barrierlint.sim.run import outcomes, simulate

BARRIERS = ["DSB ISH", "DSB ST", "DSB LD", "DMB SY", "DMB ST", "DMB LD", "ISB", "ISB", "TLBI VMALLE1IS", "TLBI VMALLE1"]
STORES = ["STR X1,[X0]", "STLR X1,[X0]", "STR X8,[X0]", "SWPAL X1,X17,[X0]", "CAS X6,X1,[X0]"]
LOADS = ["LDR W{},[X2]", "LDR W{},[X4]", "LDAR W{},[X4]", "LDR W{},[X2,W29,SXTW]", "SWPL W14,W{},[X4]"]


def program(random: Random, strong: bool = False) -> str:
    """One or two PEs that write a descriptor, load, exchange and wait; `strong`: with DSB and ISB between all."""
    columns, watched = [], []
    for pe in range(random.choice([1, 2, 2])):
        code: list[str] = []
        for number in range(random.randint(2, 4)):
            register = 20 + number
            kind = random.random()
            if kind < 0.35:
                code.append(random.choice(STORES))
            elif kind < 0.75:
                code += [f"L{pe}{number}:", random.choice(LOADS).format(register)]
                code.append(f"EOR W29,W{register},W{register}")
                watched += [f"{pe}:X{register}=1", f"fault(P{pe}:L{pe}{number})"]
            else:
                code.append(random.choice(BARRIERS))
            code += ["DSB ISH", "ISB"] if strong else []
        columns.append(code)
    height = max(len(column) for column in columns)
    rows = [" | ".join(column[n] if n < len(column) else "" for column in columns) for n in range(height)]
    head = " | ".join(f"P{pe}" for pe in range(len(columns)))
    init = ["int x=0; int y=0;", random.choice(["", "[PTE(x)]=(oa:PA(x), valid:0);", "[PTE(x)]=(oa:PA(x), af:0);"])]
    for pe in range(len(columns)):
        init.append(f"{pe}:X0=PTE(x); {pe}:X2=x; {pe}:X4=y; {pe}:X14=1; pteval_t {pe}:X1=(oa:PA(x));")
        init.append(f"pteval_t {pe}:X8=(oa:PA(x), valid:0); pteval_t {pe}:X6=(oa:PA(x), valid:0);")
    body = " ;\n ".join([head, *rows])
    condition = " /\\ ".join(watched or ["x=0", "y=0"])
    return "AArch64 random\n{\n" + "\n".join(init) + f"\n}}\n {body} ;\nexists ({condition})\n"


def atoms_of(test: LitmusTest) -> tuple[Proposition, ...]:
    return test.proposition.of if isinstance(test.proposition, All) else (test.proposition,)


@pytest.mark.parametrize("seed", range(40))
def test_the_goal_does_not_change_the_answer(seed: int) -> None:
    random = Random(seed)
    test = parse(program(random))
    atoms = atoms_of(test)
    found, _ = outcomes(test)
    assert found
    for _ in range(6):
        chosen = [(n, random.random() < 0.5) for n in random.sample(range(len(atoms)), min(2, len(atoms)))]
        literals = tuple(atoms[n] if positive else Not(atoms[n]) for n, positive in chosen)
        every = any(all(values[n] is positive for n, positive in chosen) for values in found)
        some = any(any(values[n] is positive for n, positive in chosen) for values in found)
        assert simulate(replace(test, proposition=All(literals))).result == ("ALLOWED" if every else "FORBIDDEN")
        assert simulate(replace(test, proposition=Any(literals))).result == ("ALLOWED" if some else "FORBIDDEN")


@pytest.mark.parametrize("seed", range(40))
def test_ets_and_barriers_only_remove_outcomes(seed: int) -> None:
    weak = parse(program(Random(seed)))
    base, _ = outcomes(weak)
    for features in ("ets2", "ets3"):
        assert outcomes(weak, features)[0] <= base
    strong = parse(program(Random(seed), strong=True))
    assert outcomes(strong)[0] <= base
