"""What lowering one translation unit gives: graphs whose calls are still to be resolved, and the facts that resolve
them.

A `Unit` is made from one file alone and depends on no other; `join` makes a program of several. All values are frozen
and consist of tuples, strings, numbers, terms and events only, so that they can be written down. What it does not hold:
types, trees, layouts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from barrierlint.cfg.graph import Cfg
from barrierlint.finding import Notification, Span
from barrierlint.frozen import dataclass
from barrierlint.terms import Term


@dataclass(frozen=True, slots=True)
class Site:
    """What is known of the call that ends block `block`, beyond the event.

    `named` are functions the target's value can be, `held` the target as a part of constants (see `constants`), `place`
    where it is kept, `made` whether it is made of a number or of data. `object`: the first argument is the object of a
    method. `tried`: a handler of the function around may catch. `optional`: nothing happens if there is no body.
    """

    block: int
    named: tuple[str, ...] = ()
    held: Term | None = None
    place: str = ""
    made: bool = False
    object: bool = False
    tried: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Lowered:
    """A function's graph as its own file tells it: calls have no targets yet, and may all throw."""

    cfg: Cfg
    sites: tuple[Site, ...] = ()


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What joining must know of a function that its graph does not say.

    `raises`: it throws; `unsure`: it calls through a pointer where an exception would leave it; `escaping` are the
    functions it calls where an exception would leave it, `called` all others that it calls.
    """

    usr: str
    destructor: bool = False
    raises: bool = False
    unsure: bool = False
    escaping: tuple[str, ...] = ()
    called: tuple[str, ...] = ()


Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What one unit tells about functions of all.

    `overrides`: (method, method it overrides). `tried`: functions called inside a `try`. `stored`: (place, function
    kept there); `copies`: (place, place whose pointers it receives); `made`: places that hold pointers made of numbers.
    `constants`: what constant objects with functions in them hold. `on_entries`: methods called on entries of tables,
    and `inner`: (method, method it calls on its own object); `as_entries`: methods lowered as called on an entry.
    `wanted`: functions named here that have no body here. `weak`: those for which another unit's body is taken, if one
    has one.
    """

    overrides: Pairs = ()
    noreturn: tuple[str, ...] = ()
    behaviours: tuple[Behaviour, ...] = ()
    tried: tuple[str, ...] = ()
    stored: Pairs = ()
    copies: Pairs = ()
    made: tuple[str, ...] = ()
    constants: tuple[tuple[str, Term], ...] = ()
    on_entries: tuple[str, ...] = ()
    inner: Pairs = ()
    as_entries: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unit:
    """One translation unit, lowered. `functions` by USR; `variants` are other graphs of methods, for the case that
    another unit calls them on entries of tables. `roots` are defined in the main file `path` itself; `places` tells
    where each function is.
    """

    path: str
    target: str
    functions: Mapping[str, Lowered]
    roots: tuple[str, ...] = ()
    variants: Mapping[str, Lowered] = field(default_factory=dict)
    facts: Facts = Facts()
    notifications: tuple[Notification, ...] = ()
    includes: tuple[str, ...] = ()
    places: Mapping[str, Span] = field(default_factory=dict)
