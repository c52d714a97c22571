"""Calls in the syntax that are no calls: builtins that pass a value on or end the path, and implicit copy assignments.

What it does not model: builtins that compute (see `intrinsics`).
"""

from __future__ import annotations

from barrierlint.cfg.fold import ZERO
from barrierlint.cfg.frame import Frame
from barrierlint.cfg.places import address
from barrierlint.source import tree
from barrierlint.terms import Term

_VALUE_OF_FIRST = frozenset(
    {"__builtin_expect", "__builtin_expect_with_probability", "__builtin_assume_aligned", "__builtin_launder"}
)
_UNREACHABLE = frozenset(
    {"__builtin_unreachable", "__builtin_trap", "__builtin_abort", "abort", "std::abort", "std::terminate"}
)
IDENTITIES = ("std::move<", "std::forward<", "std::addressof<", "std::__addressof<", "std::as_const<", "std::launder<")
_NOTHING = frozenset({"__builtin_assume", "__builtin_prefetch", "__builtin_va_end", "__builtin_va_start"})


def special(frame: Frame, expression: tree.CallExpression) -> Term | None:
    """Builtins that are not calls, and functions that only pass on an address."""
    name, args = expression.qualified, expression.args
    if name in _VALUE_OF_FIRST and args:
        value = frame.value(args[0])
        for arg in args[1:]:
            frame.value(arg)
        return value
    if name in _UNREACHABLE and expression.callee not in frame.environment.functions:
        frame.builder.stop()
        return ZERO
    if name == "__builtin_constant_p":
        return ZERO
    if name in _NOTHING:
        return ZERO
    if name.startswith(IDENTITIES) and len(args) == 1:
        return address(frame, args[0])
    if _is_copy_assignment(frame, expression) and expression.object is not None:
        from barrierlint.cfg.objects import assign

        target = _object_place(expression, expression.object)
        return assign(frame, tree.Assignment(expression.span, target.type, "=", target, args[0]))
    return None


def _is_copy_assignment(frame: Frame, expression: tree.CallExpression) -> bool:
    """True for an implicit (trivial) copy or move assignment: an `operator=` without a body, from the same class."""
    if not expression.qualified.endswith("::operator=") or len(expression.args) != 1:
        return False
    if expression.callee in frame.environment.functions or expression.object is None:
        return False
    if frame.environment.models.function(expression.qualified) is not None:
        return False
    own, other = expression.object.type, expression.args[0].type
    own = own.element if expression.arrow and own.element is not None else own
    other = other.element if other.kind == "reference" and other.element is not None else other
    return own.kind == "record" and own.record == other.record


def _object_place(expression: tree.CallExpression, object: tree.Expression) -> tree.Expression:
    if not expression.arrow or object.type.element is None:
        return object
    return tree.Unary(object.span, object.type.element, "*", object)
