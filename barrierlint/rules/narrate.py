"""A path of marks told as a witness: the steps a person needs, each with its own short note.

Barriers after the write, calls on the way down, the calls through which the debt leaves, decisive branches, and
unseen calls are told; everything else on the path is left out. What it does not model: why the programmer took that
path.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from barrierlint.cfg.graph import Cfg, Step
from barrierlint.dataflow.debts import ENABLE, FREE, LINK, MAKE, OPERAND, PUBLISH, REGISTER, RESULT, SPACE
from barrierlint.dataflow.obligations.breaks import AGAIN, ASSUMED
from barrierlint.dataflow.obligations.spaces import TAKEN
from barrierlint.dataflow.reach import ORDERING
from barrierlint.dataflow.relations import Relation
from barrierlint.dataflow.witness import Defect, Mark
from barrierlint.events import (
    Access,
    At,
    CacheMaintenance,
    Call,
    ContextSync,
    DescriptorWrite,
    Dmb,
    Drain,
    Dsb,
    Event,
    ExceptionCall,
    ExceptionReturn,
    Kind,
    SpeculationBarrier,
    SysregRead,
    SysregWrite,
    Tlbi,
    Transition,
    UnknownInstruction,
    Unread,
)
from barrierlint.finding import Span, Witness, WitnessStep
from barrierlint.rules.phrases import effect, state, use
from barrierlint.terms import show

TOLD = (
    Dsb, Dmb, ContextSync, SpeculationBarrier, Tlbi, At, CacheMaintenance, SysregWrite, ExceptionCall,
    ExceptionReturn, Drain, UnknownInstruction,
)  # fmt: skip
MAX_UNSEEN = 3
KINDS = {
    Transition.MAKE: "makes a descriptor valid",
    Transition.BREAK: "makes a descriptor invalid",
    Transition.CHANGE: "changes a valid descriptor",
    Transition.NONE: "writes an invalid descriptor over an invalid one",
    Transition.UNKNOWN: "writes a descriptor (whether it makes or breaks a translation is not known)",
}
VERBS = {Kind.READ: "reads", Kind.WRITE: "writes", Kind.RMW: "reads and writes", Kind.FETCH: "fetches"}


Inserted = Mapping[int, tuple[tuple[Span, Event], ...]]
"""Events that a repair puts before marks, by the marks' numbers."""


def witness(defect: Defect, functions: dict[str, Cfg], inserted: Inserted | None = None) -> Witness:
    """The path of `defect` as witness steps, in execution order, with what a repair puts there."""
    return Witness(tuple(_Narrator(defect, functions, inserted or {}).tell()))


class _Narrator:
    def __init__(self, defect: Defect, functions: dict[str, Cfg], inserted: Inserted) -> None:
        self.defect = defect
        self.inserted = inserted
        self.functions = functions
        self.unseen = 0
        self.transition = Transition(defect.leaf.transition)
        self.ordering = _Ordering.of(functions)

    def tell(self) -> Iterator[WitnessStep]:
        returns: list[Mark] = []
        for index, mark in enumerate(self.defect.path):
            for span, event in self.inserted.get(index, ()):
                yield WitnessStep(span, effect(event, self.defect.debt.kind), "barrier", event, "", mark.depth)
            if mark.role == "return":
                returns.append(mark)
                continue
            step = self._told(mark)
            if step is None:
                continue
            if returns:
                yield self._returned(returns)
                returns = []
            yield step

    def _told(self, mark: Mark) -> WitnessStep | None:
        cfg = self.functions[mark.function]
        match mark.role:
            case "boundary" if mark.step < 0:
                return WitnessStep(cfg.place, self._boundary(cfg), "boundary", None, cfg.qualified, mark.depth)
            case "branch":
                return self._branch(cfg, mark)
        step = cfg.blocks[mark.block].steps[mark.step]
        match mark.role:
            case "enter" | "into":
                role = "enter" if mark.role == "enter" else "call"
                return self._made(cfg, step, mark, f"{_who(cfg)} calls {_callee(step)}()", role, None)
            case "write":
                return self._made(cfg, step, mark, self._written(cfg, step), "write", self._write_event(step.event))
            case "access":
                return self._access(cfg, step, mark)
            case "boundary":
                note = f"{_who(cfg)} leaves by an exception return, with the {state(self.defect.debt)}"
                return self._made(cfg, step, mark, note, "boundary", None)
        return self._passed(cfg, step, mark)

    def _made(self, cfg: Cfg, step: Step, mark: Mark, note: str, role: str, event: Event | None) -> WitnessStep:
        return WitnessStep(step.span, note, role, event, cfg.qualified, mark.depth)

    def _write_event(self, event: Event) -> Event | None:
        match event:
            case Call():
                return None
            case Access() if self.defect.debt.kind == SPACE:
                return None
            case DescriptorWrite():
                return replace(event, transition=self.transition)
            case Tlbi() if self.defect.debt.kind == OPERAND:
                return replace(event, operand=self.defect.debt.slot)
            case Access(kind=Kind.WRITE | Kind.RMW, address=address, value=value) if value is not None:
                return DescriptorWrite(address, value, self.transition, evidence=self.defect.leaf.evidence)
        return event

    def _written(self, cfg: Cfg, step: Step) -> str:
        how = f" ({step.note})" if step.note else ""
        match step.event:
            case Tlbi(op=op):
                return f"{_who(cfg)} issues TLBI {op.upper()}{how}"
            case SysregWrite(register=register):
                return f"{_who(cfg)} writes {register.upper()}{how}"
            case Access() if self.defect.debt.kind == SPACE:
                taken = self.defect.debt.subject == TAKEN
                what = "takes an ASID from its owner" if taken else "starts to count ASIDs from the beginning"
                return f"{_who(cfg)} {what}{how}"
            case SysregRead(register=register):
                return f"{_who(cfg)} reads {register.upper()}{how}"
            case At(op=op):
                return f"{_who(cfg)} translates an address (AT {op.upper()}){how}"
            case Call():
                return f"{_who(cfg)} hands what it took from a descriptor to {_callee(step)}(), which gives it back"
        assumed = ASSUMED in self.defect.debt.seen
        return f"{_who(cfg)} {'overwrites a descriptor that may be valid' if assumed else KINDS[self.transition]}{how}"

    def _passed(self, cfg: Cfg, step: Step, mark: Mark) -> WitnessStep | None:
        event = step.event
        if isinstance(event, TOLD):
            return self._made(cfg, step, mark, effect(event, self.defect.debt.kind), "barrier", event)
        if isinstance(event, Unread):
            note = f"{_who(cfg)} has a statement here that could not be read: taken to order nothing"
            return self._made(cfg, step, mark, note, "call", None)
        if isinstance(event, Call) and not any(t in self.functions for t in event.targets) and self.unseen < MAX_UNSEEN:
            self.unseen += 1
            note = f"calls {_callee(step)}(), whose body was not seen: taken to order nothing"
            return self._made(cfg, step, mark, note, "call", None)
        return None

    def _access(self, cfg: Cfg, step: Step, mark: Mark) -> WitnessStep:
        exact = self.defect.relation is Relation.EXACT
        link = "the address just mapped" if exact else "an address that cannot be told from the one mapped"
        link = link if self.defect.debt.kind == MAKE else "an address whose translation was taken away"
        match step.event:
            case Access() | DescriptorWrite() as event if self.defect.debt.kind == FREE:
                return self._made(cfg, step, mark, f"{_who(cfg)} writes into the table", "access", event)
            case Access(kind=kind) as event:
                note = f"{_who(cfg)} {VERBS[kind]} {_place(event)}: {link}"
                return self._made(cfg, step, mark, note, "access", event)
            case Call() if self.defect.debt.kind == FREE:
                note = f"{_who(cfg)} hands it to {_callee(step)}(), which gives it back"
                return self._made(cfg, step, mark, note, "access", None)
            case event if self.defect.debt.kind in (ENABLE, FREE, LINK, PUBLISH, REGISTER, RESULT):
                return self._made(cfg, step, mark, f"{_who(cfg)} {use(event, self.defect.debt)}", "access", event)
            case Tlbi(op=op) as event:
                note = f"{_who(cfg)} issues TLBI {op.upper()} while the {state(self.defect.debt, ' is')}"
                return self._made(cfg, step, mark, note, "access", event)
            case DescriptorWrite() as event if AGAIN in self.defect.debt.seen:
                return self._made(cfg, step, mark, f"{_who(cfg)} makes the descriptor valid again", "access", event)
            case DescriptorWrite() as event:
                shown = Access(Kind.WRITE, event.location, event.value)
                return self._made(cfg, step, mark, f"{_who(cfg)} writes through {link}", "access", shown)
            case Call(args=args):
                handed = Access(Kind.READ, args[0]) if args else None
                if self.defect.relation is Relation.POSSIBLE:
                    note = f"calls {_callee(step)}(), whose body was not seen: assumed to access what was mapped"
                    return self._made(cfg, step, mark, note, "access", handed)
                note = f"{_who(cfg)} hands the address just mapped to {_callee(step)}(), whose body was not seen"
                return self._made(cfg, step, mark, note, "access", handed)
        return self._made(cfg, step, mark, f"{_who(cfg)} uses {link}", "access", None)

    def _branch(self, cfg: Cfg, mark: Mark) -> WitnessStep | None:
        block = cfg.blocks[mark.block]
        if len(block.edges) < 2 or not self.ordering.holds(mark.function):
            return None
        edge = block.edges[mark.step]
        if not edge.guards:
            return None
        guard = edge.guards[-1]
        truth = "is not zero" if guard.holds else "is zero"
        if edge.reason in ("true", "false"):
            truth = f"is {edge.reason}"
        return WitnessStep(guard.span, f"taken where this {truth}", "branch", None, cfg.qualified, mark.depth)

    def _returned(self, marks: list[Mark]) -> WitnessStep:
        last = marks[-1]
        cfg = self.functions[last.function]
        step = cfg.blocks[last.block].steps[last.step]
        names = list(dict.fromkeys(_callee_of(self.functions, mark) for mark in marks))
        through = ", ".join(f"{name}()" for name in (names if len(names) < 4 else [names[0], "…", names[-1]]))
        note = f"returns from {through.replace('…()', '…')} to {_who(cfg)} with the {state(self.defect.debt)}"
        return WitnessStep(step.span, note, "return", None, cfg.qualified, last.depth)

    def _boundary(self, cfg: Cfg) -> str:
        return f"{_who(cfg)} returns to callers that were not analysed, with the {state(self.defect.debt)}"


class _Ordering:
    """Which functions order anything; those of the last program asked about are remembered, for all its defects."""

    last: _Ordering | None = None

    def __init__(self, functions: dict[str, Cfg]) -> None:
        self.functions = functions
        self.known: dict[str, bool] = {}

    @classmethod
    def of(cls, functions: dict[str, Cfg]) -> _Ordering:
        """What is known of a program."""
        if cls.last is None or cls.last.functions is not functions:
            cls.last = cls(functions)
        return cls.last

    def holds(self, usr: str) -> bool:
        """Whether a function has an event that orders."""
        if usr not in self.known:
            self.known[usr] = any(isinstance(step.event, ORDERING) for step in self.functions[usr].steps())
        return self.known[usr]


def _who(cfg: Cfg) -> str:
    return f"{short(cfg.qualified)}()"


def _callee(step: Step) -> str:
    event = step.event
    return short(event.qualified) if isinstance(event, Call) else "?"


def _callee_of(functions: dict[str, Cfg], mark: Mark) -> str:
    return _callee(functions[mark.function].blocks[mark.block].steps[mark.step])


def short(qualified: str) -> str:
    """The last component of a qualified name, without template arguments: `mmu::map_range<X>` gives `map_range`.

    A lambda has no name of its own: it is told by the function it stands in.
    """
    outer, within, _ = qualified.partition("::(lambda)::")
    if within:
        return f"a lambda in {short(outer)}"
    depth, start, end = 0, 0, len(qualified)
    for index, letter in enumerate(qualified):
        if letter == "<" and not qualified[:index].endswith("operator"):
            end = index if depth == 0 else end
            depth += 1
        elif letter == ">" and depth:
            depth -= 1
        elif letter == ":" and depth == 0:
            start, end = index + 1, len(qualified)
    return qualified[start:end] or qualified or "(unknown)"


def _place(access: Access) -> str:
    text = show(access.address)
    return f"through {text}" if len(text) < 48 and "%" not in text else "through a pointer"
