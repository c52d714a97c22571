"""A finding as two litmus tests, its own and that with the repair in it: what they say together.

P0 runs code, P1 loads the page `x` once. What it does not model: findings that other programs than these show.
"""

from __future__ import annotations

from collections.abc import Sequence

from barrierlint.finding import Confirmation, Verdict
from barrierlint.sim.explore import Budget
from barrierlint.sim.litmus import parse
from barrierlint.sim.machine import Setting
from barrierlint.sim.run import Outcome, Result, simulate


def compared(text: str, repaired: str, says: str, harmless: str, setting: Setting, budget: Budget) -> Confirmation:
    """Run a test and its repaired twin; `says` is what the first shows, `harmless` why it may show nothing."""
    outcome = _run(text, setting, budget)
    if outcome.result is not Result.ALLOWED:
        verdict = Verdict.REFUTED if outcome.result is Result.FORBIDDEN else Verdict.UNDECIDED
        return Confirmation(verdict, None, outcome.states, 0, outcome.reason or harmless, text)
    twin = _run(repaired, setting, budget)
    if twin.result is not Result.FORBIDDEN:
        reason = twin.reason or "the repaired twin misbehaves as well"
        return Confirmation(Verdict.UNDECIDED, outcome.trace, outcome.states, twin.states, reason, text)
    return Confirmation(Verdict.CONFIRMED, outcome.trace, outcome.states, twin.states, says, text)


def _run(text: str, setting: Setting, budget: Budget) -> Outcome:
    return simulate(parse(text), setting.features, budget, setting)


def litmus(name: str, init: str, code: Sequence[str]) -> str:
    """The litmus test of P0's `code` beside one load of P1's: may that give 2?"""
    rows = [(line, "LDR W3,[X2]" if number == 0 else "") for number, line in enumerate(code)]
    table = "\n".join(f" {left} | {right} ;" for left, right in (("P0", "P1"), *rows))
    head = f"AArch64 {name}\n(* The witness of a barrierlint finding. *)\n{{\n [x]=1; [z]=2;\n"
    return f"{head}{init} 1:X2=x;\n}}\n{table}\nexists (1:X3=2)\n"
