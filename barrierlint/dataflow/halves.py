"""TLBIs by address that name the wrong half of the address space: of their address a mask took the bits above its size.

At EL1 bit 55 of the address tells the upper half (TTBR1) from the lower one, and the TLBI looks at it (DDI 0487 C5.5).
An address of the lower half has nothing above its size, so who masks it has the upper half in mind: what is left of
such an address is right as an index, and names a page of the lower half. The operand is followed back through locals
and through parameters to the callers' arguments. What it does not model: which half an address lies in, addresses
that are put together again (`base | offset`, not followed), and masks of page numbers, which are the operand's format.
What a name holds is not told from what it held before: one that is a page's number anywhere counts as one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from barrierlint.cfg.graph import Program
from barrierlint.dataflow.invalidations import parse
from barrierlint.events import Access, Assign, Call, Kind, Tlbi
from barrierlint.finding import Span
from barrierlint.terms import AddressOf, Apply, Const, Name, Term

_DEPTH = 24
_PAGE_SHIFT = 12
_SIZES = range(36, 56)
"""How many bits an address may have below bit 55 that a mask is made for; 32 are AArch32's."""

_Place = tuple[str, Term, bool]


def cut_addresses(program: Program) -> dict[str, frozenset[Span]]:
    """The places of such TLBIs, by function."""
    trail = _Trail(program)
    found = {
        usr: frozenset(
            step.span
            for step in cfg.steps()
            if isinstance(step.event, Tlbi) and step.event.operand is not None and _is_by_address(step.event.op)
            if trail.is_cut(usr, step.event.operand)
        )
        for usr, cfg in program.functions.items()
    }
    return {usr: spans for usr, spans in found.items() if spans}


def _is_by_address(op: str) -> bool:
    operation = parse(op)
    return operation is not None and operation.by == "va" and operation.el == 1 and not operation.range


def mirrored(operand: Term) -> Term:
    """The operand for the page that has the same place in the other half: VA[55:48] the other way round."""
    return Apply("^", (operand, Const(0xFF << 36)))


class _Trail:
    """Where values come from, in whatever order the program computes them.

    A place is a function, a term, and whether the term is an address: until a shift right it is a page's number.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self._values: dict[str, Mapping[str, tuple[Term, ...]]] = {}

    def is_cut(self, usr: str, operand: Term) -> bool:
        """Whether on some way to `operand` its address was masked to the size of a half."""
        level: set[_Place] = {(usr, operand, False)}
        seen: set[_Place] = set()
        for _ in range(_DEPTH):
            if any(whole and self._cuts(function, term) for function, term, whole in level):
                return True
            seen |= level
            level = {before for place in level for before in self._before(*place)} - seen
        return False

    def _cuts(self, function: str, term: Term) -> bool:
        if not isinstance(term, Apply) or term.op != "&" or not any(self._is_size(function, arg) for arg in term.args):
            return False
        return not self._is_number(function, term, set())

    def _is_number(self, function: str, term: Term, seen: set[str]) -> bool:
        """Whether a value may be a page's number already, whichever of what its names are given they hold."""
        match term:
            case Apply(">>" | ">>s", (_, Const(shift))) if shift == _PAGE_SHIFT:
                return True
            case Apply("&" | "|" | "+" | "-" | "zext 64" | "sext 64", args):
                return any(self._is_number(function, arg, seen) for arg in args)
            case Name(id) if id not in seen:
                seen.add(id)
                return any(self._is_number(function, value, seen) for value in self._definitions(function).get(id, ()))
        return False

    def _before(self, function: str, term: Term, whole: bool) -> Iterator[_Place]:
        match term:
            case Name(id):
                yield from ((place, value, whole) for place, value in self._bound(function, id))
            case Apply(">>" | ">>s", (inner, Const(shift))) if shift == _PAGE_SHIFT and not whole:
                yield function, inner, True
            case Apply("|" | "+", args) if not whole:
                yield from ((function, arg, whole) for arg in args)
            case Apply("+" | "-", (inner, Const())) | Apply("zext 64" | "sext 64", (inner,)):
                yield function, inner, whole
            case Apply("&", args):
                yield from ((function, arg, whole) for arg in args if not isinstance(arg, Const))
            case Apply("?:", (_, *args)):
                yield from ((function, arg, whole) for arg in args)

    def _bound(self, function: str, name: str) -> Iterator[tuple[str, Term]]:
        yield from ((function, value) for value in self._definitions(function).get(name, ()))
        params = self.program.functions[function].params
        if name in params:
            at = params.index(name)
            calls = self._callers.get(function, ())
            yield from ((caller, call.args[at]) for caller, call in calls if at < len(call.args))

    def _is_size(self, function: str, mask: Term) -> bool:
        """Whether a mask keeps the bits below some bit: a constant, or `(1 << size) - 1`."""
        match mask:
            case Const(value):
                return value.bit_length() in _SIZES and value | 0xFFFF == (1 << value.bit_length()) - 1
            case Apply("-", (Apply("<<", (Const(1), size)), Const(1))):
                return not isinstance(size, Const)
            case Name(id):
                values = self._definitions(function).get(id, ())
                return len(values) == 1 and not isinstance(values[0], Name) and self._is_size(function, values[0])
        return False

    def _definitions(self, function: str) -> Mapping[str, tuple[Term, ...]]:
        """All that each name, and each local that lives in memory, is given."""
        if function not in self._values:
            found: dict[str, list[Term]] = {}
            for step in self.program.functions[function].steps():
                match step.event:
                    case Assign(name, value):
                        found.setdefault(name, []).append(value)
                    case Access(kind=Kind.READ, into=str(name), address=AddressOf(id, "local")):
                        found.setdefault(name, []).append(Name(_cell(id)))
                    case Access(kind=Kind.WRITE, address=AddressOf(id, "local"), value=value) if value is not None:
                        found.setdefault(_cell(id), []).append(value)
            self._values[function] = {name: tuple(values) for name, values in found.items()}
        return self._values[function]

    @cached_property
    def _callers(self) -> Mapping[str, list[tuple[str, Call]]]:
        found: dict[str, list[tuple[str, Call]]] = {}
        for usr, cfg in self.program.functions.items():
            for step in cfg.steps():
                if isinstance(step.event, Call):
                    for target in step.event.targets:
                        found.setdefault(target, []).append((usr, step.event))
        return found


def _cell(id: str) -> str:
    """What a local in memory holds, as a name that is none of the program's."""
    return f"*{id}"
