"""The rule engine and the simulator agree on breaks: barriers and TLBIs in any order between a break and an access.

A defect ends in the access if and only if some execution still uses the old translation there. A TLBI too early is told
where it stands as well, whatever follows it; that is not asked about here.
"""

from __future__ import annotations

import itertools
import os
import random
from collections import Counter

from barrierlint.dataflow.debts import BREAK
from barrierlint.dataflow.ordering import analyse
from barrierlint.dataflow.relations import Relation
from barrierlint.events import Accesses, ContextSync, DescriptorWrite, Dmb, Dsb, Event, Kind, Order, Shareability, Tlbi
from barrierlint.events import Transition as Change
from barrierlint.sim.condition import FaultAtom, Not
from barrierlint.sim.explore import Budget
from barrierlint.sim.machine import Handling, Setting
from barrierlint.sim.ordering import Features
from barrierlint.sim.program import Instruction, Pe, Program
from barrierlint.sim.run import Result, ask
from barrierlint.terms import Name, const
from tests.dataflow.graphs import program, straight
from tests.sim.sequences import INVALID, REGISTERS, SYMBOLS, VALID, dependent

SEQUENCES = int(os.environ.get("BARRIERLINT_SEQUENCES", "10000")) // 20
WRITE = DescriptorWrite(Name("p"), const(INVALID["x"]), Change.BREAK, None, Name("va"))
USE = dependent(Kind.READ, Order.PLAIN)
TLBIS = (Tlbi("vaae1is", Name("page")), Tlbi("vmalle1is"), Tlbi("vaae1", Name("page")), Tlbi("vmalle1"))
FULL = (Dsb(Shareability.ISH, Accesses.ST), TLBIS[0], Dsb(Shareability.ISH), ContextSync())
POOL: tuple[Event, ...] = (
    *(Dsb(domain, waits) for domain in Shareability for waits in Accesses),
    *(Dmb(domain) for domain in Shareability),
    *(event for event in TLBIS for _ in range(3)),
    *(ContextSync() for _ in range(6)),
)


def is_reported(code: list[Event]) -> bool:
    """Whether the rule engine tells a break's defect that ends in the access."""
    cfg = straight("f", " ".join(REGISTERS), *code)
    found = [member for group in analyse(program(cfg)).groups for member in group.members]
    last = len(code) - 1
    return any(d.debt.kind == BREAK and d.relation is Relation.EXACT and d.path[-1].step == last for d in found)


def is_possible(code: list[Event]) -> bool:
    """Whether the simulator finds an execution in which the access still succeeds."""
    steps = tuple(Instruction(event, ("L0",) if event is USE else ()) for event in code)
    memory = {SYMBOLS.table("x"): VALID["x"], SYMBOLS.table("z"): VALID["z"], SYMBOLS.physical("x"): 1}
    goal = Not(FaultAtom(0, "L0", SYMBOLS.virtual("x"), "translation"))
    machine = Setting(Features(), Handling.SKIP)
    outcome = ask(Program((Pe(steps, {}, -1, REGISTERS),), SYMBOLS, memory), goal, machine, Budget(100_000, 20.0))
    assert outcome.result is not Result.UNDECIDED
    return outcome.result is Result.ALLOWED


def sequences() -> list[list[Event]]:
    """The whole sequence with each step left out or doubled, and random ones."""
    chosen = random.Random(5)
    found = [list(part) for length in range(5) for part in itertools.combinations(FULL, length)]
    found += [list(order) for order in itertools.permutations(FULL)]
    while len(found) < SEQUENCES:
        base = [step for step in FULL if chosen.random() < 0.85]
        for _ in range(chosen.randrange(3)):
            base.insert(chosen.randrange(len(base) + 1), chosen.choice(POOL))
        found.append(base)
    return found


def test_breaks() -> None:
    said: Counter[bool] = Counter()
    for middle in sequences():
        code = [WRITE, *middle, USE]
        possible = is_possible(code)
        assert is_reported(code) == possible, code
        said[possible] += 1
    assert min(said.values()) > SEQUENCES // 10, said
