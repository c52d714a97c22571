"""Models: what a code base means by its names, for everything that its source alone cannot show.

Frozen values made by `barrierlint.models.loading` from YAML; `Models` combines several and answers questions by
qualified name (first match wins). What a model cannot say: anything that depends on the values of arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from barrierlint.events import Order, Transition
from barrierlint.frozen import dataclass
from barrierlint.models.glob import Glob, spellings, type_spellings, union


@dataclass(frozen=True, slots=True)
class Place:
    """Where an operand of a modelled function is found: `this`, `arg` (number `index`, without the object), `result`,
    or `const` (`index`).

    `this` is the object's address; `path` is applied from left to right: `*` loads, `->m` loads member m of what is
    pointed to, `.m` takes member m of an argument passed by value. `spelling` is as written.
    """

    base: str
    index: int = 0
    path: tuple[str, ...] = ()
    spelling: str = ""


@dataclass(frozen=True, slots=True)
class WriteModel:
    """The function writes a descriptor. `op` is write, exchange (returns the old one) or compare-exchange (returns
    whether it wrote).

    `order` is that of the write. `value` None: not known.
    """

    location: Place
    value: Place | None = None
    old: Place | None = None
    transition: Transition = Transition.UNKNOWN
    op: str = "write"
    maps: Place | None = None
    length: Place | None = None
    order: Order = Order.VOLATILE


@dataclass(frozen=True, slots=True)
class AccessModel:
    """The function accesses memory as an atomic builtin would; whether it is a descriptor is left to types and data
    flow.

    `op` is read, write, exchange, compare-exchange (`old` is what it expects), add, and, andnot, or, xor; all but write
    return the old value.
    """

    location: Place
    value: Place | None = None
    old: Place | None = None
    op: str = "write"
    size: int = 8
    order: Order = Order.SEQ_CST


@dataclass(frozen=True, slots=True)
class MapsModel:
    """The function maps (or unmaps, or protects) `length` bytes at `address`; its body, if there is one, is analysed
    all the same.
    """

    address: Place
    length: Place | None = None


@dataclass(frozen=True, slots=True)
class FunctionModel:
    """What one entry of `functions` says. `name` is the model, `match` the glob, `place` where it stands
    (`file:line:column`).

    `does` are instructions (`dsb ishst`), `drain` the name of the drain or "", `exempt` a reason or "". `frees` is what
    goes back to an allocator, `retires` what does so later, `calls` a function it calls before it returns; it may be
    preempted (`preempts`), or switches to another thread (`switches`).
    """

    name: str
    match: str
    place: str
    writes: WriteModel | None = None
    access: AccessModel | None = None
    does: tuple[str, ...] = ()
    drain: str = ""
    returns_table: bool = False
    returns_zeroed: bool = False
    maps: MapsModel | None = None
    exempt: str = ""
    noreturn: bool = False
    frees: Place | None = None
    retires: Place | None = None
    calls: Place | None = None
    preempts: bool = False
    switches: bool = False

    def replaces(self, has_body: bool) -> bool:
        """Whether what the model says takes the place of a call.

        What a function writes the model says better than its body, which then owes nothing; but whether its barriers
        are there is for the body to show.
        """
        return bool(self.writes or self.access or (not has_body and (self.does or self.drain)))


@dataclass(frozen=True, slots=True)
class Pattern:
    """A glob with what it means: a reason for an exemption, a note on a descriptor type."""

    glob: Glob
    text: str = ""


@dataclass(frozen=True, slots=True)
class ValueTest:
    """Only a descriptor d with `(d & mask) == equals` owes anything; all others are exempt for `reason`."""

    mask: int
    equals: int
    reason: str
    model: str


@dataclass(frozen=True, slots=True)
class Policy:
    """What a code base does by design, for functions, descriptor types, or a flag (a member or global) that match.

    `tables` is offline (no walker sees them yet) or this-pe (no other PE walks them). `leaves` is eret where callers
    return by one. `defers` names the drain that pays what is left owed.
    """

    subject: str
    glob: Glob
    reason: str
    tables: str = ""
    leaves: str = ""
    defers: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """One model file. `files` are the globs that tell its tree; `unknown_calls` is "" where it does not say."""

    name: str
    description: str
    path: str
    files: tuple[str, ...] = ()
    descriptors: tuple[Pattern, ...] = ()
    functions: tuple[tuple[Glob, FunctionModel], ...] = ()
    exempt_functions: tuple[Pattern, ...] = ()
    exempt_types: tuple[Pattern, ...] = ()
    exempt_values: tuple[ValueTest, ...] = ()
    policies: tuple[Policy, ...] = ()
    unknown_calls: str = ""
    barrier_idiom: Mapping[str, str] = field(default_factory=dict)


class Models:
    """Several models as one. Answers are remembered, so that asking for every call of a program costs little."""

    def __init__(self, models: Sequence[Model] = (), assumed: str = "") -> None:
        self.models = tuple(models)
        self._assumed = assumed
        self._any = union(glob for model in self.models for glob, _ in model.functions)
        self._functions: dict[str, FunctionModel | None] = {}
        self._types: dict[tuple[str, str], str | None] = {}
        self._exempt: dict[str, str] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The models' names, in order of precedence."""
        return tuple(model.name for model in self.models)

    @property
    def unknown_calls(self) -> str:
        """What calls of unknown functions are taken for: ignore (the default), assume-access or assume-sync."""
        return self._assumed or next((model.unknown_calls for model in self.models if model.unknown_calls), "ignore")

    @property
    def barrier_idiom(self) -> dict[str, str]:
        """Instruction (`dsb_ishst`, `isb`) → how this code base writes it as a statement."""
        merged: dict[str, str] = {}
        for model in reversed(self.models):
            merged.update(model.barrier_idiom)
        return merged

    @property
    def exempt_values(self) -> tuple[ValueTest, ...]:
        """Tests a descriptor's value must meet to owe anything."""
        return tuple(test for model in self.models for test in model.exempt_values)

    def assuming(self, unknown_calls: str) -> Models:
        """Return these models with calls of unknown functions taken for `unknown_calls` ("": as the models say)."""
        return Models(self.models, unknown_calls) if unknown_calls else self

    def function(self, qualified: str) -> FunctionModel | None:
        """The model of the function with this qualified name (template arguments and all), or None."""
        if qualified not in self._functions:
            self._functions[qualified] = self._find(qualified)
        return self._functions[qualified]

    def _find(self, qualified: str) -> FunctionModel | None:
        names = spellings(qualified)
        if not any(self._any.fullmatch(name) for name in names):
            return None
        for model in self.models:
            for glob, function in model.functions:
                if glob.matches(names):
                    return function
        return None

    def descriptor_type(self, name: str, spelling: str = "") -> str | None:
        """Evidence that the type (name as written, canonical spelling) is a descriptor, such as "declared in the
        model osv: …".
        """
        key = (name, spelling)
        if key not in self._types:
            self._types[key] = self._evidence(name, spelling)
        return self._types[key]

    def _evidence(self, name: str, spelling: str) -> str | None:
        names = (*type_spellings(name), *type_spellings(spelling))
        for model in self.models:
            for pattern in model.descriptors:
                if pattern.glob.matches(names):
                    return f"declared in the model {model.name}: {pattern.glob.text}"
        return None

    def switches(self, qualified: str) -> bool:
        """Whether a function switches to another thread."""
        found = self.function(qualified)
        return found is not None and found.switches

    def exempt_function(self, qualified: str) -> str:
        """Why descriptor writes made in this function owe nothing, "" if they do."""
        if qualified not in self._exempt:
            found = self.function(qualified)
            reasons = [found.exempt] if found and found.exempt else []
            names = spellings(qualified)
            reasons += [p.text for model in self.models for p in model.exempt_functions if p.glob.matches(names)]
            self._exempt[qualified] = reasons[0] if reasons else ""
        return self._exempt[qualified]

    def exempt_type(self, name: str, spelling: str = "") -> str:
        """Why writes of descriptors of this type owe nothing, "" if they do."""
        names = (*type_spellings(name), *type_spellings(spelling))
        found = [p.text for model in self.models for p in model.exempt_types if p.glob.matches(names)]
        offline = [p for p in self._policies("type") if p.tables == "offline" and p.glob.matches(names)]
        return (*found, *(policy.reason for policy in offline), "")[0]

    def policies(self, qualified: str) -> tuple[Policy, ...]:
        """What holds of the function with this qualified name."""
        names = spellings(qualified)
        return tuple(policy for policy in self._policies("function") if policy.glob.matches(names))

    @property
    def flags(self) -> tuple[Glob, ...]:
        """Members (`record::member`) and globals that say, when they are set, that something is still owed."""
        return tuple(policy.glob for policy in self._policies("flag"))

    def _policies(self, subject: str) -> tuple[Policy, ...]:
        return tuple(policy for model in self.models for policy in model.policies if policy.subject == subject)
