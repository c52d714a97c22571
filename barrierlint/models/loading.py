"""Finds, reads and validates model files.

The schema is documented in docs/models.md; this module is its definition. Every complaint is a `ModelError` with line
and column. What it does not check: that the names a model speaks of exist in the code, and, without `check`, that its
instructions do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from barrierlint.events import Order, Transition
from barrierlint.models.document import Node, read
from barrierlint.models.glob import Glob
from barrierlint.models.model import (
    AccessModel,
    FunctionModel,
    MapsModel,
    Model,
    Models,
    Pattern,
    Place,
    ValueTest,
    WriteModel,
)
from barrierlint.models.policies import glob_of, policy
from barrierlint.models.shipping import locate

Check = Callable[[str], str | None]
"""Takes instructions, returns what is wrong with them, or None."""

_TOP = (
    *("name", "description", "files", "descriptors", "functions", "exempt", "policies"),
    *("unknown_calls", "barrier_idiom"),
)
_ACTIONS = (
    *("writes", "access", "does", "drain", "returns", "maps", "exempt", "noreturn"),
    *("frees", "retires", "calls", "preempts", "switches"),
)
_WRITES = ("location", "value", "old", "transition", "op", "maps", "length", "order")
_ACCESS = ("location", "value", "old", "op", "size", "order")
_RETURNS = ("table", "zeroed-table")
_OPERATIONS = ("write", "exchange", "compare-exchange")
_ACCESSES = ("read", *_OPERATIONS, "add", "and", "andnot", "or", "xor")
_PLACE = re.compile(r"(\**)(this|result|arg(\d{1,2})|(\d+|0x[0-9a-fA-F]+))((?:(?:->|\.)[A-Za-z_]\w*)*)")
_STEP = re.compile(r"(?:->|\.)[A-Za-z_]\w*")


def load(names_or_files: Sequence[str], check: Check | None = None) -> Models:
    """Load models by shipped name or by path, in order of precedence. `check` examines the instructions of `does`.

    Raises ModelError, one line, `file:line:column: what; remedy`.
    """
    return Models([_model(*locate(name), check) for name in dict.fromkeys(names_or_files)])


def _model(path: Path, shown: str, check: Check | None) -> Model:
    top = read(path, shown).mapping(_TOP, required=("name",))
    name = top["name"].text()
    exempt = [_exemption(node, name) for node in _list(top, "exempt")]
    return Model(
        name=name,
        description=top["description"].text() if "description" in top else "",
        path=str(path),
        files=tuple(node.text() for node in _list(top, "files")),
        descriptors=tuple(_descriptor(node) for node in _list(top, "descriptors")),
        functions=tuple(_function(node, name, check) for node in _list(top, "functions")),
        exempt_functions=tuple(found for kind, found in exempt if kind == "function" and isinstance(found, Pattern)),
        exempt_types=tuple(found for kind, found in exempt if kind == "type" and isinstance(found, Pattern)),
        exempt_values=tuple(found for _, found in exempt if isinstance(found, ValueTest)),
        policies=tuple(policy(node) for node in _list(top, "policies")),
        unknown_calls=top["unknown_calls"].choice(("ignore", "assume-access", "assume-sync"))
        if "unknown_calls" in top
        else "",
        barrier_idiom=_idiom(top["barrier_idiom"]) if "barrier_idiom" in top else {},
    )


def _list(entries: dict[str, Node], key: str) -> list[Node]:
    return entries[key].items() if key in entries else []


def _descriptor(node: Node) -> Pattern:
    entries = node.mapping(("type", "note"), required=("type",))
    return Pattern(glob_of(entries["type"]), entries["note"].text() if "note" in entries else "")


def _exemption(node: Node, model: str) -> tuple[str, Pattern | ValueTest]:
    entries = node.mapping(("function", "type", "unless", "reason"), required=("reason",))
    kinds = [kind for kind in ("function", "type", "unless") if kind in entries]
    if len(kinds) != 1:
        raise node.error("an exemption needs exactly one of function, type, unless", "split it")
    reason = entries["reason"].text()
    if kinds == ["unless"]:
        test = entries["unless"].mapping(("mask", "equals"), required=("mask", "equals"))
        mask, equals = test["mask"].number(), test["equals"].number()
        if equals & ~mask:
            raise test["equals"].error(
                f"{equals:#x} has bits outside of the mask {mask:#x}: it never holds", "widen the mask"
            )
        return "unless", ValueTest(mask, equals, reason, model)
    return kinds[0], Pattern(glob_of(entries[kinds[0]]), reason)


def _function(node: Node, model: str, check: Check | None) -> tuple[Glob, FunctionModel]:
    entries = node.mapping(("match", *_ACTIONS), required=("match",))
    said = [action for action in _ACTIONS if action in entries]
    if not said:
        raise node.error("this entry says nothing of the function", f"give one of {', '.join(_ACTIONS)}")
    replacing = [action for action in ("writes", "access", "does", "drain") if action in entries]
    if len(replacing) > 1:
        raise entries[replacing[1]].error(
            f"'{replacing[1]}' and '{replacing[0]}' exclude each other", "keep one of them"
        )
    glob = glob_of(entries["match"])
    return glob, FunctionModel(
        name=model,
        match=glob.text,
        place=entries["match"].place,
        writes=_writes(entries["writes"]) if "writes" in entries else None,
        access=_access(entries["access"]) if "access" in entries else None,
        does=_does(entries["does"], check) if "does" in entries else (),
        drain=_drain(entries["drain"], glob.text) if "drain" in entries else "",
        returns_table="returns" in entries and bool(entries["returns"].choice(_RETURNS)),
        returns_zeroed="returns" in entries and entries["returns"].text() == "zeroed-table",
        maps=_maps(entries["maps"]) if "maps" in entries else None,
        exempt=entries["exempt"].text() if "exempt" in entries else "",
        noreturn=_flag(entries, "noreturn"),
        frees=_optional(entries, "frees"),
        retires=_optional(entries, "retires"),
        calls=_optional(entries, "calls"),
        preempts=_flag(entries, "preempts"),
        switches=_flag(entries, "switches"),
    )


def _flag(entries: dict[str, Node], key: str) -> bool:
    return key in entries and entries[key].flag()


def _drain(node: Node, name: str) -> str:
    if node.raw.tag == "tag:yaml.org,2002:bool":
        return name if node.flag() else ""
    return node.text()


def _does(node: Node, check: Check | None) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in re.split(r"[;\n]", node.text()) if part.strip())
    if not parts:
        raise node.error("no instruction", "write instructions separated by ';', such as dsb ishst; isb")
    for part in parts:
        wrong = check(part) if check else None
        if wrong:
            raise node.error(
                f"'{part}' is not an instruction that is known ({wrong})", "write it as in assembly, such as dsb ishst"
            )
    return parts


def _writes(node: Node) -> WriteModel:
    entries = node.mapping(_WRITES, required=("location",))
    op = entries["op"].choice(_OPERATIONS) if "op" in entries else "write"
    if op == "compare-exchange" and "old" not in entries:
        raise node.error("a compare-exchange needs 'old'", "say which argument is compared, such as 'old: arg0'")
    words = [transition.value for transition in Transition]
    return WriteModel(
        location=place(entries["location"], result=False),
        value=_optional(entries, "value"),
        old=_optional(entries, "old"),
        transition=Transition(entries["transition"].choice(words)) if "transition" in entries else Transition.UNKNOWN,
        op=op,
        maps=_optional(entries, "maps"),
        length=_optional(entries, "length"),
        order=_order(entries, Order.VOLATILE),
    )


def _access(node: Node) -> AccessModel:
    entries = node.mapping(_ACCESS, required=("location",))
    op = entries["op"].choice(_ACCESSES) if "op" in entries else "write"
    if op != "read" and "value" not in entries:
        raise node.error(f"the operation {op} needs 'value'", "say which argument is stored, such as 'value: arg1'")
    if op == "compare-exchange" and "old" not in entries:
        raise node.error("a compare-exchange needs 'old'", "say which argument is compared, such as 'old: arg2'")
    return AccessModel(
        location=place(entries["location"], result=False),
        value=_optional(entries, "value"),
        old=_optional(entries, "old"),
        op=op,
        size=entries["size"].number() if "size" in entries else 8,
        order=_order(entries, Order.SEQ_CST),
    )


def _order(entries: dict[str, Node], default: Order) -> Order:
    return Order(entries["order"].choice([order.value for order in Order])) if "order" in entries else default


def _maps(node: Node) -> MapsModel:
    entries = node.mapping(("address", "length"), required=("address",))
    return MapsModel(place(entries["address"]), _optional(entries, "length"))


def _optional(entries: dict[str, Node], key: str) -> Place | None:
    return place(entries[key], result=key == "maps") if key in entries else None


def place(node: Node, result: bool = True) -> Place:
    """Read `this`, `arg1`, `*arg0`, `this->p`, `arg0.x`, `result`, or a number."""
    text = node.text().replace(" ", "")
    match = _PLACE.fullmatch(text)
    if match is None:
        raise node.error(
            f"'{text}' is no operand", "write this, arg0, *arg0, this->member, arg0.member, result or a number"
        )
    stars, base, argument, number, steps = match.groups()
    if base == "result" and not result:
        raise node.error("the result is not known before the call", "name an argument")
    if number is not None and (stars or steps):
        raise node.error(f"'{text}': a number has no members", "name an argument")
    path = (*_STEP.findall(steps), *("*" for _ in stars))
    if number is not None:
        return Place("const", int(number, 0), (), text)
    return Place("arg" if argument else base, int(argument or 0), path, text)


def _idiom(node: Node) -> dict[str, str]:
    entries = node.mapping(())
    for name, value in entries.items():
        if not re.fullmatch(r"dsb_(?:(?:nsh|ish|osh)(?:ld|st)?|ld|st|sy)|dmb_\w+|isb|tlbi_\w+", name):
            raise value.error(f"'{name}' is no barrier", "write dsb_ishst, dsb_ish, isb, …")
    return {name: value.text() for name, value in entries.items()}
