"""Calls that give memory back to an allocator, and what of their arguments goes back.

A model's word is certain, and so are C's and C++'s own deallocators; a name that speaks of freeing is weak evidence.
Some give back later, after other work (RCU, a list that is emptied when all is flushed). What it does not model:
memory that is taken back by an assignment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from barrierlint.dataflow.phis import Phis
from barrierlint.events import Call
from barrierlint.terms import AddressOf, Term

_OWN = frozenset({"free", "kfree", "vfree", "operator delete", "operator delete[]"})
_GIVES = frozenset(
    ["free", "freed", "release", "dealloc", "deallocate", "delete", "reclaim", "recycle", "dispose", "put", "unref"]
)
_LATER = frozenset(
    ["rcu", "defer", "deferred", "delayed", "delay", "later", "queue", "gather", "batch", "lazy", "pending", "retire"]
)
_QUESTIONS = ("is", "has", "can", "may", "needs", "check", "assert", "num", "count", "nr")
_OTHER_THINGS = ("lock", "unlock", "mutex", "spin", "tlb", "asid", "vmid", "irq", "va", "vma", "char", "user", "string")
_TELLING = ("str", "print", "printk", "debug", "trace")
_ELSE = frozenset((*_QUESTIONS, *_OTHER_THINGS, *_TELLING))
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_POINTER = re.compile(r"\*|&|64|long|size_t|addr|page|frame|pfn|mfn|ptr|table", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Release:
    """What a call gives back: `pages` are the arguments in question, evaluated, `sure` whether that is certain.

    `later`: not before the call returns.
    """

    pages: tuple[Term, ...]
    sure: bool
    later: bool = False

    def gives(self, phis: Phis, symbols: frozenset[Term]) -> bool | None:
        """Whether what goes back is computed from `symbols`: True for certain, False perhaps, None no."""
        if any(phis.is_made_of(page, symbols) for page in self.pages):
            return self.sure
        return False if any(phis.origins(page, through_calls=True) & symbols for page in self.pages) else None


@dataclass(frozen=True, slots=True)
class Deallocators:
    """What a model says: the number of the argument that goes back, by qualified name, at once or `later`."""

    frees: Mapping[str, int] = field(default_factory=dict)
    retires: Mapping[str, int] = field(default_factory=dict)

    def concerns(self, call: Call, described: bool) -> bool:
        """Whether a call may give something back."""
        if call.qualified in self.frees or call.qualified in self.retires:
            return True
        return not described and (
            bool(role(call.qualified)) or any(isinstance(a, AddressOf) and a.kind == "function" for a in call.args)
        )

    def release(self, call: Call, arguments: list[Term], described: bool) -> Release | None:
        """What a call gives back, None if nothing says that it does; `described`: a model speaks of the function."""
        for known, later in ((self.frees, False), (self.retires, True)):
            if call.qualified in known:
                return Release(tuple(arguments[known[call.qualified] :][:1]), True, later)
        if described or not arguments:
            return None
        if any(isinstance(a, AddressOf) and a.kind == "function" and role(_function(a.id)) for a in arguments):
            return Release(tuple(arguments), False, later=True)
        said = role(call.qualified)
        if not said:
            return None
        types = call.types or ("*",) * len(arguments)
        pages = (a for a, type in zip(arguments, types, strict=False) if _POINTER.search(type))
        return Release(tuple(pages), said == "own", said == "later")


@lru_cache(maxsize=1 << 14)
def role(qualified: str) -> str:
    """What a function's name says of giving memory back: own (the language's deallocators), now, later; "" nothing."""
    if qualified.removeprefix("std::") in _OWN:
        return "own"
    words = {word.lower() for word in _WORDS.findall(_name(qualified))}
    if not words & _GIVES or words & _ELSE:
        return ""
    return "later" if words & _LATER else "now"


def _name(qualified: str) -> str:
    """The last part of a name."""
    return qualified.partition("<")[0].rpartition("::")[2]


def _function(usr: str) -> str:
    """The name of a function, as its USR has it."""
    found = re.search(r"@F(?:T)?@(\w+)", usr)
    return found[1] if found else ""
