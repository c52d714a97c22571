"""`dataclass` for frozen values with slots, made in a third of the time: an import makes hundreds, which is half of
what a warm run costs.

The methods of a class are compiled in one go instead of one by one, those that are rarely called are shared, and no
docstring is made up. Fields, `replace`, matching, pickling, equality and hashes are those of `dataclasses`, which makes
every class that is not frozen, without slots, or derived. What it does not model: keyword-only fields.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls: type | None = None, /, **options: Any) -> Any:
        """Make a class a dataclass, as `dataclasses.dataclass` does."""
        if cls is None:
            return lambda made: dataclass(made, **options)
        if options != {"frozen": True, "slots": True} or cls.__bases__ != (object,) or _is_special(cls):
            return dataclasses.dataclass(cls, **options)
        return _made(cls)


_SPECIAL = ("ClassVar", "InitVar", "KW_ONLY")
_OWN = frozenset(("__slots__", "__init__", "__eq__", "__hash__", "__setattr__", "__delattr__", "__getstate__"))


def _is_special(cls: type) -> bool:
    """Whether a class says something of its own about what is made here."""
    notes = getattr(cls, "__annotations__", {})
    wrong = any(
        not isinstance(note, str) or note.startswith(_SPECIAL) or ".ClassVar" in note for note in notes.values()
    )
    own = {name for name in _OWN if cls.__dict__.get(name) is not None}
    return wrong or not notes or bool(own)


def _made(cls: type) -> type:
    fields = {name: _field(cls, name, note) for name, note in cls.__annotations__.items()}
    names = tuple(fields)
    space = {key: value for key, value in cls.__dict__.items() if key not in fields and key not in _DROPPED}
    space |= _SHARED
    if "__repr__" in cls.__dict__:
        space["__repr__"] = cls.__dict__["__repr__"]
    space |= _compiled(cls, fields)
    space["__slots__"] = names
    space["__match_args__"] = tuple(name for name, one in fields.items() if one.init)
    space["__dataclass_fields__"] = fields
    space["__dataclass_params__"] = _PARAMS
    made = type(cls.__name__, (object,), space)
    made.__qualname__ = cls.__qualname__
    return made


def _field(cls: type, name: str, note: str) -> dataclasses.Field[Any]:
    given = cls.__dict__.get(name, dataclasses.MISSING)
    found = given if isinstance(given, dataclasses.Field) else dataclasses.field(default=given)
    if found.kw_only is not dataclasses.MISSING and found.kw_only:
        raise TypeError(f"{cls.__name__}.{name}: keyword-only fields are not for frozen.dataclass")
    found.name, found.type, found.kw_only = name, note, False
    setattr(found, "_field_type", _FIELD)  # noqa: B010 - no public name
    return found


def _compiled(cls: type, fields: dict[str, dataclasses.Field[Any]]) -> dict[str, Any]:
    """`__init__`, `__eq__` and `__hash__`."""
    values: dict[str, Any] = {"_set": object.__setattr__, "_none": _NONE}
    params: list[str] = []
    body: list[str] = []
    for at, (name, one) in enumerate(fields.items()):
        factory = one.default_factory is not dataclasses.MISSING
        default = one.default is not dataclasses.MISSING
        values[f"_d{at}"] = one.default_factory if factory else one.default
        if one.init:
            params.append(f"{name}=_none" if factory else f"{name}=_d{at}" if default else name)
            given = f"_d{at}() if {name} is _none else {name}" if factory else name
        elif factory or default:
            given = f"_d{at}()" if factory else f"_d{at}"
        else:
            continue
        body.append(f"    _set(self, {name!r}, {given})")
    if "__post_init__" in cls.__dict__:
        body.append("    self.__post_init__()")
    compared = [name for name, one in fields.items() if one.compare]
    hashed = [name for name, one in fields.items() if (one.compare if one.hash is None else one.hash)]
    own, other = ("".join(f"{who}.{name}," for name in compared) for who in ("self", "other"))
    lines = (
        f"def __init__(self, {', '.join(params)}):",
        *(body or ["    pass"]),
        "def __eq__(self, other):",
        "    if other.__class__ is self.__class__:",
        f"        return ({own}) == ({other})",
        "    return NotImplemented",
        "def __hash__(self):",
        f"    return hash(({''.join(f'self.{name},' for name in hashed)}))",
    )
    made: dict[str, Any] = {}
    exec("\n".join(lines), values, made)
    for name, method in made.items():
        method.__qualname__ = f"{cls.__qualname__}.{name}"
        method.__module__ = cls.__module__
    return made


# --- shared by all ---------------------------------------------------------------------------------------------------

_NONE = object()


def _repr(self: Any) -> str:
    shown = []
    for one in self.__dataclass_fields__.values():  # no generator: each level of what is nested costs one frame
        if one.repr:
            shown.append(f"{one.name}={getattr(self, one.name)!r}")
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _setattr(self: Any, name: str, value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _delattr(self: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _getstate(self: Any) -> list[Any]:
    return [getattr(self, name) for name in self.__slots__]


def _setstate(self: Any, state: list[Any]) -> None:
    for name, value in zip(self.__slots__, state, strict=True):
        object.__setattr__(self, name, value)


class _PARAMS:
    """What `dataclasses` asks of a base."""

    init = repr = eq = frozen = match_args = slots = True
    order = unsafe_hash = kw_only = weakref_slot = False


_SHARED: dict[str, Any] = {
    "__repr__": _repr,
    "__setattr__": _setattr,
    "__delattr__": _delattr,
    "__getstate__": _getstate,
    "__setstate__": _setstate,
}
_FIELD: Any = vars(dataclasses)["_FIELD"]
_DROPPED = frozenset(("__dict__", "__weakref__"))
