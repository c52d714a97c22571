"""What the analysis finds and the simulation says of it: spans, witnesses, findings, verdicts, traces.

A witness is a static path (source steps with the events that lie on them); a trace is a dynamic path (what each
observer does, in order). All values are frozen. What it does not model: where a report is printed.
"""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum

from barrierlint.events import Event
from barrierlint.frozen import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A source range: `path` as the user named it, lines and columns from 1, columns in bytes, end exclusive."""

    path: str
    line: int
    column: int = 1
    end_line: int = 0
    end_column: int = 0


class Severity(StrEnum):
    """How bad, if true: SARIF's levels."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Confidence(StrEnum):
    """How sure the static side is that the access depends on the write.

    EXACT: its address flows from the mapped address. POSSIBLE: the two cannot be told apart. BOUNDARY: the function
    returns to unknown callers with the debt unpaid.
    """

    EXACT = "exact"
    POSSIBLE = "possible"
    BOUNDARY = "boundary"


class Claim(StrEnum):
    """What a finding says of its witness, and so what a simulation must show.

    DEPENDS: the last step depends on what the write owes. REDUNDANT: without its last step nothing more can happen.
    STRONGER: with `Finding.instead` in its place nothing more can happen to tables and TLBs.
    REORDERED: it goes wrong if the compiler moves an access across its last step. TORN: a walker may see what lies
    between the stores of its steps. MIGRATED: it goes wrong if the thread moves to another PE at its last step.
    """

    DEPENDS = "depends"
    REDUNDANT = "redundant"
    STRONGER = "stronger"
    REORDERED = "reordered"
    TORN = "torn"
    MIGRATED = "migrated"


class Verdict(StrEnum):
    """What the simulation says of a finding; UNCHECKED where it was not asked."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    UNDECIDED = "undecided"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class WitnessStep:
    """One step of a static path: where, what is said of it, and the event that happens there (None: call or branch).

    `role` is one of write, barrier, call, return, branch, enter, access, boundary. `depth` is the call depth relative
    to the step that encloses all.
    """

    span: Span
    note: str
    role: str
    event: Event | None = None
    function: str = ""
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Witness:
    """A feasible static path from a descriptor write to what depends on it, in execution order."""

    steps: tuple[WitnessStep, ...]

    @property
    def write(self) -> WitnessStep:
        """The step of the descriptor write; of advice that is about none the first step."""
        return next((step for step in self.steps if step.role == "write"), self.steps[0])

    @property
    def access(self) -> WitnessStep:
        """The step that depends on it: an access, or the boundary."""
        return self.steps[-1]


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of a file: `text` in place of what `span` covers (nothing, where it has no end).

    The text is whole, indentation and line ends included; columns are bytes, as everywhere.
    """

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Repair:
    """Where and what to insert: `lines` go before `at` (in the code base's own idiom), `why` in one sentence.

    `edits` are the same as changes of the text, `events` what they do when executed, and `path` the witness with these
    events where it passes them (None where it is not told). `more` are the other places, where one does not serve all.
    `verified` says that the analysis, run again with the events in place, found everything cured and nothing new.
    """

    at: Span
    lines: tuple[str, ...]
    why: str
    edits: tuple[Edit, ...] = ()
    events: tuple[Event, ...] = ()
    path: Witness | None = None
    more: tuple[Repair, ...] = ()
    verified: bool = False

    @property
    def places(self) -> tuple[Repair, ...]:
        """All places that the repair needs, the first one first."""
        return (self, *self.more)


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One step of an interleaving: `actor` is `P0`, `P1`, …, `walker P0` or `TLB P0`; `what` one short sentence.

    `source` is the index of the witness step it comes from, -1 if none.
    """

    actor: str
    what: str
    source: int = -1


@dataclass(frozen=True, slots=True)
class Fault:
    """A data or instruction abort as the hardware reports it.

    `kind` is translation, access-flag, permission, address-size or alignment; `esr` the value of ESR_ELx.
    """

    pe: int
    address: int
    kind: str
    level: int
    esr: int
    write: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """An execution of the witness that ends in the fault (or the stale access), shortest first."""

    steps: tuple[TraceStep, ...]
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The simulation's answer: verdict, the execution that faults, and what was explored.

    `repaired_states` counts the states of the repaired twin, whose execution never faults, and `repaired` is one of its
    executions; `reason` explains a refutation or an undecided run. `litmus` is the herd7 test of the witness.
    `repair_fails`: with the proposed repair the witness goes wrong all the same.
    """

    verdict: Verdict
    trace: Trace | None = None
    states: int = 0
    repaired_states: int = 0
    reason: str = ""
    litmus: str = ""
    repaired: Trace | None = None
    repair_fails: bool = False


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A block of a drawn graph: what happens in it, a line an event, and whether the witness passes it."""

    id: int
    lines: tuple[str, ...]
    line: int = 0
    on_path: bool = False


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """A way from one drawn block to another, blocks between that matter to nothing left out."""

    source: int
    target: int
    label: str = ""
    on_path: bool = False


@dataclass(frozen=True, slots=True)
class FunctionGraph:
    """The graph of a function that a witness runs through, reduced to what a reader needs."""

    function: str
    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One defect: the rule, where it is owed, the path, how sure, and (later) the simulation's answer and the repair.

    `also` lists other places that show the same defect (instantiations, call sites), folded into this one. `missing`
    names what lacks, such as ("DSB ISHST", "ISB"), `owed` the same as events (none if it is no instruction that lacks).
    `evidence` says why the write counts as one of a descriptor, `graphs` draw the functions of the path. `grounds` says
    why `confidence` is what it is, where it is not about an access that depends on a write; `claim` what the witness
    shows; `unrepaired` why there is no repair although barriers lack; `instead` is the weaker barrier that would do,
    `paths` how many paths are folded into this finding.
    """

    rule: str
    message: str
    severity: Severity
    confidence: Confidence
    witness: Witness
    missing: tuple[str, ...] = ()
    owed: tuple[Event, ...] = ()
    evidence: tuple[str, ...] = ()
    also: tuple[WitnessStep, ...] = ()
    repair: Repair | None = None
    confirmation: Confirmation = field(default_factory=lambda: Confirmation(Verdict.UNCHECKED))
    fingerprint: str = ""
    graphs: tuple[FunctionGraph, ...] = ()
    claim: Claim = Claim.DEPENDS
    grounds: str = ""
    unrepaired: str = ""
    instead: Event | None = None
    paths: int = 1

    @property
    def span(self) -> Span:
        """The place a report points at: the dependent access, or for boundary findings the write; of advice the
        barrier that is idle.
        """
        idle = next((step.span for step in self.witness.steps if step.role == "idle"), None)
        if idle is not None:
            return idle
        step = self.witness.write if self.confidence is Confidence.BOUNDARY else self.witness.access
        return step.span


@dataclass(frozen=True, slots=True)
class Notification:
    """Something that was not analysed, or analysed with less than the whole input, and what to do about it.

    `kind` is a stable word (missing-header, unknown-flag, parse-error, unknown-call, budget, …); `lost` is true where a
    whole input could not be analysed (exit status 3).
    """

    kind: str
    message: str
    span: Span | None = None
    lost: bool = False
    severity: Severity = Severity.WARNING


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """A rule as a value: its identity and its page of prose (the module docstring)."""

    id: str
    name: str
    summary: str
    severity: Severity
    page: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """All a run has to say: findings in source order, notifications, and counts for the closing line.

    `suppressed` are findings that a comment in the source hides, `known` those of a baseline.
    """

    findings: tuple[Finding, ...]
    notifications: tuple[Notification, ...] = ()
    files: int = 0
    functions: int = 0
    refuted: tuple[Finding, ...] = ()
    suppressed: tuple[Finding, ...] = ()
    known: tuple[Finding, ...] = ()
