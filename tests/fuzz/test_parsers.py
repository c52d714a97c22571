"""No input makes a parser of ours raise what it does not say it raises, or run for long.

`make fuzz` runs this for long, from another seed, and keeps what it finds in fixtures/fuzz, where it stays a test.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import seed as seeded

from tests.fuzz.mutations import mutated
from tests.fuzz.parsers import FIXTURES, PARSERS, Hang, Parser, bounded

EXAMPLES = int(os.environ.get("BARRIERLINT_FUZZ", "0"))
"""Examples for each parser; 0: a few, the same in every run."""
SEED = int(os.environ.get("BARRIERLINT_SEED", "0")) << 32
BATCH = 500
"""Examples of which Hypothesis remembers all at a time."""

SLOW = {"assembly": 6}
FOUND = sorted((FIXTURES / "fuzz").glob("*/*"))


@pytest.mark.parametrize("name", PARSERS)
def test_mutations_of_good_inputs(name: str) -> None:
    parser = PARSERS[name]
    wanted = (EXAMPLES or 30) // SLOW.get(name, 1)

    def holds(text: str) -> None:
        try:
            parser.run(text)
        except BaseException:
            if EXAMPLES:
                keep(name, text)  # the last one that is kept is the smallest
            raise

    for first in range(0, wanted, BATCH):
        few = settings(max_examples=min(BATCH, wanted - first), deadline=None, suppress_health_check=list(HealthCheck))
        few(seeded(SEED + first)(given(mutated(parser.seeds()))(holds)))()


def keep(name: str, text: str) -> None:
    folder = FIXTURES / "fuzz" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "found").write_bytes(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("path", FOUND, ids=[f"{path.parent.name}/{path.name}" for path in FOUND])
def test_what_was_found_stays_repaired(path: Path) -> None:
    PARSERS[path.parent.name].run(path.read_bytes().decode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("name", PARSERS)
def test_good_inputs_are_taken(name: str) -> None:
    for seed in PARSERS[name].seeds():
        with bounded():
            PARSERS[name].parse(seed)


def test_a_hang_and_a_traceback_are_noticed() -> None:
    def spin(text: str) -> None:
        while text:
            pass

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.fuzz.parsers.SECONDS", 0.05)
        with pytest.raises(Hang):
            Parser(spin, list).run("x")
    with pytest.raises(ValueError, match="x"):
        Parser(lambda text: int(text), list).run("x")
