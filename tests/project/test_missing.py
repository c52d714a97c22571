"""What a rule says is missing is read as events, which is what a repair inserts."""

from __future__ import annotations

import pytest

from barrierlint.events import mnemonic
from barrierlint.rules.rule import instructions


@pytest.mark.parametrize(
    ("missing", "events"),
    [
        (("DSB ISHST", "ISB"), ["Dsb ishst", "ContextSync isb"]),
        (("DSB ISH", "TLBI VMALLE1IS", "DSB ISH", "ISB"), ["Dsb ish", "Tlbi vmalle1is", "Dsb ish", "ContextSync isb"]),
        (("TLBI VAAE1IS",), ["Tlbi vaae1is"]),
        (("DSB ISHST", "a TLBI that covers it"), []),
        ((), []),
    ],
)
def test_instructions(missing: tuple[str, ...], events: list[str]) -> None:
    assert [mnemonic(event) for event in instructions(missing)] == events
