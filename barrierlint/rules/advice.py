"""Advice as a value: a rule that looks at the whole program rather than at a debt, and what it remarks.

What it does not model: how findings are shown, and what the simulation says of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from barrierlint.cfg.graph import Program
from barrierlint.events import Event
from barrierlint.finding import Claim, Confidence, Finding, RuleInfo, Severity, Witness, WitnessStep
from barrierlint.models import Models


@dataclass(frozen=True, slots=True)
class Remark:
    """What is to be said of a place: the last of `steps`, which tell what lies on the way to it.

    `grounds` says why it is so certain. `severity` is given where it is another than the rule's.
    """

    message: str
    steps: tuple[WitnessStep, ...]
    grounds: str
    claim: Claim
    also: tuple[WitnessStep, ...] = ()
    evidence: tuple[str, ...] = ()
    confidence: Confidence = Confidence.EXACT
    severity: Severity | None = None
    instead: Event | None = None

    def finding(self, rule: RuleInfo) -> Finding:
        """The remark as a finding of `rule`."""
        return Finding(
            rule.id,
            self.message,
            self.severity or rule.severity,
            self.confidence,
            Witness(self.steps),
            evidence=self.evidence,
            also=self.also,
            claim=self.claim,
            grounds=self.grounds,
            instead=self.instead,
        )


@dataclass(frozen=True, slots=True)
class Advice:
    """`find` yields what there is to remark in a program, under the models of its code base."""

    info: RuleInfo
    find: Callable[[Program, Models], Iterable[Remark]]
