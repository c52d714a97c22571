"""The functions that members of constant objects hold: `static const struct ops fast = { .set = set_fast }`.

A call through such a member reaches what the object's own initialiser names, not what other objects of its type hold;
the initialiser may be another unit's. Expressions are kept as `shape`s, terms with operators of their own: `fn`
(functions it can be), `{}` and `.` (a braced list and a named item), `&` and `*`. What it does not model: which element
of an array an index picks (any), constants that constructors make, and casts that take `const` away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from barrierlint.cfg.nodes import Node, peel, walk
from barrierlint.cfg.pointers import named_functions
from barrierlint.source import tree
from barrierlint.terms import AddressOf, Apply, Const, Element, Field, Name, Term, Unknown

Constants = Mapping[str, Term]
NOTHING = Unknown("?")
ZERO = Const(0)


def constants(nodes: Iterable[Node], unit: tree.TranslationUnit) -> Iterator[tuple[str, Term]]:
    """Yield each constant variable of a unit that leads to functions, by id, with the shape of its initialiser."""
    for variable, value in unit.globals:
        if variable.const and value is not None and _leads_on(value):
            yield variable.id, shape(value)
    for node in nodes:
        if isinstance(node, tree.Declaration) and node.variable.const and node.value and _leads_on(node.value):
            yield node.variable.id, shape(node.value)


def _leads_on(value: tree.Expression) -> bool:
    """Whether a function, or the address of something, is in `value`."""
    leading = (tree.FunctionReference, tree.Lambda)
    return any(isinstance(one, leading) or (isinstance(one, tree.Unary) and one.op == "&") for one in walk(value))


def shape(expression: tree.Expression) -> Term:
    """Return what of `expression` tells which functions it is or holds."""
    inner = peel(expression)
    functions = named_functions(inner)
    if functions:
        return Apply("fn", tuple(AddressOf(usr, "function") for usr in functions))
    match inner:
        case tree.Integer(value=0):
            return ZERO
        case tree.Reference(variable=variable):
            return AddressOf(variable.id, "global")
        case tree.Unary(op="*", operand=operand) if operand.type.element and operand.type.element.kind == "function":
            return shape(operand)
        case tree.Unary(op="*" | "&" as op, operand=operand):
            return Apply(op, (shape(operand),))
        case tree.Member(base=base, name=name, arrow=arrow):
            return Field(Apply("*", (shape(base),)) if arrow else shape(base), name)
        case tree.Subscript(base=base):
            return Element(shape(base), ZERO)
        case tree.Initializer(items=items):
            return Apply("{}", tuple(Apply(".", (Name(name), shape(value))) for name, value in items))
    return NOTHING


def held(target: Term, known: Constants) -> tuple[str, ...]:
    """The USRs of the functions that `target`, part of a constant object, can be; () if any of it is not known."""
    named = [functions(value) for value in _values(target, known) if value != ZERO]
    return tuple(dict.fromkeys(usr for usrs in named for usr in usrs)) if all(named) else ()


def functions(value: Term) -> tuple[str, ...]:
    """The functions a shape names as its value."""
    if isinstance(value, Apply) and value.op == "fn":
        return tuple(one.id for one in value.args if isinstance(one, AddressOf))
    return ()


def tables(known: Constants) -> dict[str, dict[str, str]]:
    """For each constant object with functions in it, by id: which function each member holds."""
    found: dict[str, dict[str, str]] = {}
    for id, value in known.items():
        members = {name: functions(item)[0] for name, item in _items(value) if name and len(functions(item)) == 1}
        if members:
            found[id] = members
    return found


def _items(value: Term) -> list[tuple[str, Term]]:
    """The items of a braced list, with the names of the members they are for."""
    if not (isinstance(value, Apply) and value.op == "{}"):
        return []
    items = (one.args for one in value.args if isinstance(one, Apply))
    return [(name.id, item) for name, item in items if isinstance(name, Name)]


def _values(expression: Term, known: Constants) -> list[Term]:
    """The initialisers that give `expression` its value, [] if they are not known."""
    match expression:
        case AddressOf(id) if id in known:
            return [known[id]]
        case Apply("*", (operand,)):
            return _pointed(operand, known)
        case Field(base, name):
            return _members(_values(base, known), name)
        case Element(base):
            return _elements(_values(base, known))
    return []


def _pointed(pointer: Term, known: Constants) -> list[Term]:
    """The initialisers of what `pointer`, `&object` or a constant that is one, points to."""
    if isinstance(pointer, Apply) and pointer.op == "&":
        return _values(pointer.args[0], known)
    found: list[Term] = []
    for one in _values(pointer, known):
        values = _values(one.args[0], known) if isinstance(one, Apply) and one.op == "&" else []
        if not values:
            return []
        found += values
    return found


def _members(objects: list[Term], name: str) -> list[Term]:
    found: list[Term] = []
    for one in objects:
        items = dict(_items(one))
        if name not in items:
            return []
        found.append(items[name])
    return found


def _elements(arrays: list[Term]) -> list[Term]:
    if not all(isinstance(one, Apply) and one.op == "{}" for one in arrays):
        return []
    return [item for one in arrays for _, item in _items(one)]
