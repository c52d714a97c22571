"""What a model of a tree would say, observed in its code: descriptor types, write primitives, barrier helpers.

Each observation carries its evidence. A type counts by its name, by tables of a page that hold it and reach a TTBR, by
indices of nine bits, by tests of the valid bits. A primitive stores a parameter through another, and does nothing else;
a helper has barriers and TLB maintenance in it, and nothing else. It does not see what macros do: they are analysed
where they are used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from barrierlint.cfg.graph import Cfg, Program
from barrierlint.events import (
    Access,
    Assign,
    CacheMaintenance,
    CompilerBarrier,
    ContextSync,
    DescriptorWrite,
    Dsb,
    Event,
    Kind,
    SysregWrite,
    Tlbi,
    mnemonic,
)
from barrierlint.finding import Span
from barrierlint.source.guessing import Answer
from barrierlint.source.tree import Type
from barrierlint.terms import AddressOf, Apply, Const, Element, Field, Name, Term

TABLE = 4096
DEEPEST = 8
_NAMED = re.compile(r"named like a descriptor: (.+)")
_VALID = (1, 2, 3)
_QUIET = (Assign, CompilerBarrier)


@dataclass(slots=True)
class Observed:
    """Types with one reason of each kind, primitives and helpers with what they do and where, words for barriers."""

    types: dict[str, dict[str, str]] = field(default_factory=dict)
    writers: dict[str, tuple[str, str]] = field(default_factory=dict)
    helpers: dict[str, tuple[str, str]] = field(default_factory=dict)
    idiom: dict[str, tuple[str, str]] = field(default_factory=dict)

    def add(self, name: str, kind: str, why: str) -> None:
        """Note why a type may be that of descriptors; of each kind of reason the first."""
        self.types.setdefault(name, {}).setdefault(kind, why)


def observe(answers: Sequence[Answer]) -> Observed:
    """Return what is seen in the files, parsed as was guessed; files that cannot be read add nothing."""
    from pathlib import Path

    from barrierlint import cfg, source
    from barrierlint.initialization.idiom import idioms
    from barrierlint.models import load

    observed = Observed()
    for one in answers:
        unit = source.parse(Path(one.path), one.arguments, unsaved=dict(one.unsaved))
        tables = {variable.id: found for variable, _ in unit.globals if (found := _entry(variable.type))}
        for variable, _ in unit.globals:
            if variable.id in tables:
                why = f"{one.path}: `{variable.name}` holds {TABLE // 8} of them, a page"
                observed.add(tables[variable.id], "table", why)
        _program(observed, cfg.lower([unit], load(())), tables)
        observed.idiom = {**idioms((one.path, *unit.includes)), **observed.idiom}
    return observed


def _entry(type: Type) -> str:
    """The type of the 64-bit entries of tables of a page, "" for all else."""
    while type.element is not None and type.element.kind == "array":
        type = type.element
    inner = type.element
    if type.kind != "array" or inner is None or inner.size != 8 or type.size != TABLE:
        return ""
    return (inner.name or inner.spelling) if inner.kind in ("integer", "record") else ""


def _program(observed: Observed, program: Program, tables: Mapping[str, str]) -> None:
    for graph in program.functions.values():
        _types(observed, graph)
        _roots(observed, graph, tables)
        _writer(observed, graph)
        _helper(observed, graph)


def _types(observed: Observed, graph: Cfg) -> None:
    """Evidence in one function: names, indices of nine bits, tests of the valid bits."""
    read: dict[str, str] = {}
    for step in graph.steps():
        event = step.event
        where = f"{_place(step.span)}: {graph.qualified}()"
        if isinstance(event, DescriptorWrite):
            for named in filter(None, map(_NAMED.fullmatch, event.evidence)):
                observed.add(named[1], "name", f"{where} stores one, and the name says so")
        elif isinstance(event, Access) and event.type and event.size == 8:
            if event.into:
                read[event.into] = event.type
            if event.kind is not Kind.FETCH and _indexed(event.address):
                observed.add(event.type, "index", f"{where} indexes a table of them by nine bits of an address")
        elif isinstance(event, Assign) and isinstance(event.value, Name) and event.value.id in read:
            read[event.name] = read[event.value.id]
    for guard in (guard for block in graph.blocks for edge in block.edges for guard in edge.guards):
        for name in filter(read.__contains__, _tested(guard.condition)):
            where = f"{_place(guard.span)}: {graph.qualified}()"
            observed.add(read[name], "valid", f"{where} tests the valid bits of one")


def _roots(observed: Observed, graph: Cfg, tables: Mapping[str, str]) -> None:
    """Tables whose address reaches a translation table base register."""
    bound = {step.event.name: step.event.value for step in graph.steps() if isinstance(step.event, Assign)}
    for step in graph.steps():
        if isinstance(step.event, SysregWrite) and "ttbr" in step.event.register.lower():
            for name in _addresses(step.event.value, bound, 0):
                if name in tables:
                    where = f"{_place(step.span)}: {graph.qualified}()"
                    observed.add(tables[name], "root", f"{where} writes the address of a table of them to a TTBR")


def _addresses(term: Term, bound: Mapping[str, Term], depth: int) -> Iterator[str]:
    """The objects whose address a value is made from."""
    if isinstance(term, AddressOf):
        yield term.id
    elif isinstance(term, Name) and term.id in bound and depth < DEEPEST:
        yield from _addresses(bound[term.id], bound, depth + 1)
    elif isinstance(term, (Element, Field)):
        yield from _addresses(term.base, bound, depth)
    elif isinstance(term, Apply):
        for part in term.args:
            yield from _addresses(part, bound, depth + 1)


def _indexed(address: Term) -> bool:
    """Whether an address is that of an entry whose index is masked by 511."""
    while isinstance(address, Field):
        address = address.base
    if not isinstance(address, Element):
        return False
    index = address.index
    return isinstance(index, Apply) and index.op == "&" and Const(511) in index.args


def _tested(condition: Term) -> Iterator[str]:
    """The names of which a condition tests bit 0, bit 1, or both."""
    if isinstance(condition, Apply):
        if condition.op == "&" and len(condition.args) == 2:
            left, right = condition.args
            if isinstance(left, Name) and isinstance(right, Const) and right.value in _VALID:
                yield left.id
        for part in condition.args:
            yield from _tested(part)


def _writer(observed: Observed, graph: Cfg) -> None:
    """A function that stores one parameter as a descriptor where another points to, and does nothing else."""
    events = [step.event for step in graph.steps() if not isinstance(step.event, _QUIET)]
    if len(events) != 1 or not isinstance(events[0], DescriptorWrite) or events[0].op:
        return
    write = events[0]
    location, value = _operand(write.location, graph), _operand(write.value, graph)
    if location and value:
        observed.writers[graph.qualified] = (f"{{location: {location}, value: {value}}}", _place(graph.place))


def _operand(term: Term, graph: Cfg) -> str:
    """A term as a model's operand, where it is a parameter; "" where it is not."""
    while isinstance(term, Field):
        term = term.base
    bindings = {step.event.name: step.event.value for step in graph.steps() if isinstance(step.event, Assign)}
    for _ in range(DEEPEST):
        if isinstance(term, Name) and term.id not in graph.params and term.id in bindings:
            term = bindings[term.id]
    if isinstance(term, Name) and term.id in graph.params:
        return f"arg{graph.params.index(term.id)}"
    return ""


def _helper(observed: Observed, graph: Cfg) -> None:
    """A function of barriers and maintenance alone."""
    events = [step.event for step in graph.steps() if not isinstance(step.event, _QUIET)]
    kinds = (Dsb, ContextSync, Tlbi, CacheMaintenance)
    if not events or not all(isinstance(event, kinds) for event in events) or len(graph.blocks) > 3:
        return
    if any(isinstance(event, (Dsb, ContextSync, Tlbi)) for event in events):
        text = "; ".join(filter(None, map(_instruction, events)))
        observed.helpers[graph.qualified] = (text, _place(graph.place))


def _instruction(event: Event) -> str:
    """An event as the assembly of a model's `does`; an operand is the first argument."""
    if isinstance(event, Tlbi):
        return f"tlbi {event.op}" + (", arg0" if event.operand is not None else "")
    if isinstance(event, Dsb):
        return f"dsb {mnemonic(event).split()[-1].lower()}"
    return "isb" if isinstance(event, ContextSync) else ""


def _place(span: Span) -> str:
    return f"{span.path}:{span.line}"


def counted(observed: Observed) -> str:
    """Return how much was observed, in words."""
    parts = (
        (len(observed.types), "descriptor type(s)"),
        (len(observed.writers), "write primitive(s)"),
        (len(observed.helpers), "barrier helper(s)"),
    )
    return ", ".join(f"{count} {what}" for count, what in parts if count) or "nothing was observed"


def render(name: str, observed: Observed) -> str:
    """Return the text of a model file."""
    lines = [
        "# What barrierlint saw of this code base; docs/models.md has every key. Correct what is wrong.",
        f"name: {json.dumps(name)}",
        'description: "proposed by barrierlint init"',
    ]
    lines += _types_text(observed.types)
    entries = [*_functions_text(observed)]
    lines += ["", "functions:", *entries] if entries else []
    if observed.idiom:
        lines += ["", "# Words that repairs are proposed in.", "barrier_idiom:"]
        lines += [f"  {key}: {json.dumps(text)}  # {where}" for key, (text, where) in sorted(observed.idiom.items())]
    return "\n".join(lines) + "\n"


def _types_text(types: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Types that more than one kind of evidence, the name, or a table speaks for; the others as comments."""
    sure = {name: why for name, why in types.items() if len(why) > 1 or "name" in why or "table" in why}
    if sure:
        yield from ("", "descriptors:")
    for name, why in sure.items():
        yield from (f"  # {one}" for one in why.values())
        yield f"  - type: {json.dumps(name)}"
    doubtful = {name: why for name, why in types.items() if name not in sure}
    if doubtful:
        yield from ("", "# Perhaps these too, under `descriptors`:")
    for name, why in doubtful.items():
        yield from (f"#   {one}" for one in why.values())
        yield f"#   - type: {json.dumps(name)}"


def _functions_text(observed: Observed) -> Iterable[str]:
    for name, (write, where) in sorted(observed.writers.items()):
        yield f"  # {where}: the body is this store alone"
        yield from (f"  - match: {json.dumps(name)}", f"    writes: {write}")
    for name, (text, where) in sorted(observed.helpers.items()):
        yield f"  # {where}: the body is these alone"
        yield from (f"  - match: {json.dumps(name)}", f"    does: {json.dumps(text)}")
