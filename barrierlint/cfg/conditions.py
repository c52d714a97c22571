"""Conditions: branches with guards, short circuits, and choices of values.

`&&`, `||` and `!` become control flow where an operand has effects and stay terms where none has; guards are
normalised (`x != 0` to x holding, `!x` to x not holding), so that the same test reads the same. What it does not
model: the order of unsequenced operands.
"""

from __future__ import annotations

from collections.abc import Callable

from barrierlint.cfg import cleanups
from barrierlint.cfg.accesses import address_of, is_object, memory
from barrierlint.cfg.fold import ONE, ZERO, apply, convert, truth
from barrierlint.cfg.frame import PLACES, VALUES, Cleanup, Frame, Place
from barrierlint.cfg.graph import Guard
from barrierlint.cfg.places import in_memory
from barrierlint.events import Assign
from barrierlint.finding import Span
from barrierlint.source import tree
from barrierlint.terms import Apply, Const, Name, Term

_Arm = Callable[[tree.Expression], Term]
_PURE_OPS = frozenset(["+", "-", "*", "&", "|", "^", "<<", ">>", "==", "!=", "<", "<=", ">", ">=", "&&", "||"])


def branch(frame: Frame, condition: tree.Expression, yes: int, no: int) -> None:
    """Evaluate `condition` and go to block `yes` or `no`; temporaries of the condition die before."""
    condition = _essence(condition)
    match condition:
        case tree.Unary(op="!", operand=operand):
            branch(frame, operand, no, yes)
        case tree.Binary(op="&&" | "||" as op, left=left, right=right):
            between = frame.builder.new()
            branch(frame, left, *((between, no) if op == "&&" else (yes, between)))
            frame.builder.start(between)
            branch(frame, right, yes, no)
        case _:
            mark = frame.pending
            term = frame.value(condition)
            cleanups.release(frame, mark, condition.span)
            decide(frame, term, yes, no, condition.span)


def decide(frame: Frame, term: Term, yes: int, no: int, span: Span) -> None:
    """Leave the current block for `yes` where `term` is not zero, else for `no`; if it is known, only there."""
    builder = frame.builder
    known = truth(term)
    if isinstance(known, Const):
        builder.jump(yes if known.value else no, "true" if known.value else "false")
        return
    condition, holds = normal(term)
    block = builder.current
    builder.edge(block, yes, "true", (Guard(condition, holds, span),))
    builder.edge(block, no, "false", (Guard(condition, not holds, span),))
    builder.stop()


def normal(term: Term) -> tuple[Term, bool]:
    """`term` as a condition without outer negations and comparisons with zero, and whether it must hold."""
    holds = True
    while True:
        match term:
            case Apply("!", (inner,)) | Apply("==", (inner, Const(0))):
                term, holds = inner, not holds
            case Apply("!=", (Apply(), Const(0)) as args):
                term = args[0]
            case Apply("!=", (Name() as inner, Const(0))):
                term = inner
            case Apply("!=", (left, right)):
                return Apply("==", (left, right)), not holds
            case _:
                return term, holds


def _essence(condition: tree.Expression) -> tree.Expression:
    """`condition` without what does not change whether it is zero: widening and boolean casts, `__builtin_expect`."""
    while True:
        match condition:
            case tree.Cast(type=type, operand=operand) if operand.type.kind in (
                "integer",
                "bool",
                "enum",
                "pointer",
            ) and (type.kind == "bool" or (type.kind in ("integer", "enum") and type.size >= operand.type.size)):
                condition = operand
            case tree.CallExpression(qualified="__builtin_expect", args=(first, tree.Integer() | tree.Cast())):
                condition = first
            case _:
                return condition


def pure(frame: Frame, expression: tree.Expression) -> bool:
    """True where evaluating `expression` takes no step at all."""
    stack = [expression]
    while stack:
        match stack.pop():
            case tree.Integer() | tree.FunctionReference():
                continue
            case tree.Reference(variable=variable):
                if variable.kind not in ("param", "local") or in_memory(frame, variable):
                    return False
                if variable.type.kind == "reference":
                    return False
            case tree.Cast(operand=operand, type=type) if not is_object(frame, type):
                stack.append(operand)
            case tree.Unary(op="-" | "~" | "!" | "+", operand=operand):
                stack.append(operand)
            case tree.Binary(op=op, left=left, right=right) if op in _PURE_OPS:
                stack += [left, right]
            case _:
                return False
    return True


def logical(frame: Frame, expression: tree.Binary) -> Term:
    """`&&` and `||` for their value."""
    if pure(frame, expression.right):
        left = truth(frame.value(expression.left))
        if isinstance(left, Const) and bool(left.value) == (expression.op == "||"):
            return left
        right = truth(frame.value(expression.right))
        return right if isinstance(left, Const) else apply(expression.op, left, right)
    return _as_flag(frame, expression)


def _as_flag(frame: Frame, condition: tree.Expression) -> Term:
    builder = frame.builder
    into = builder.temporary()
    yes, no, after = builder.new(), builder.new(), builder.new()
    branch(frame, condition, yes, no)
    for block, value in ((yes, ONE), (no, ZERO)):
        builder.start(block)
        frame.emit(Assign(into, value), condition.span)
        builder.jump(after)
    builder.start(after)
    return Name(into)


def _conditional(frame: Frame, choice: tree.Conditional) -> Term:
    if is_object(frame, choice.type):
        return _conditional_place(frame, choice).address or ZERO
    if choice.yes is None:
        return _elvis(frame, choice)
    if pure(frame, choice.yes) and pure(frame, choice.no):
        condition = frame.value(choice.condition)
        yes, no = (_arm(frame, arm, choice.type) for arm in (choice.yes, choice.no))
        return apply("?:", condition, yes, no)
    return _join(frame, choice, lambda arm: _arm(frame, arm, choice.type))


def _arm(frame: Frame, arm: tree.Expression, type: tree.Type) -> Term:
    value = frame.value(arm)
    return value if arm.type.kind == "void" else convert(value, arm.type, type)


def _join(frame: Frame, choice: tree.Conditional, evaluate: _Arm) -> Term:
    builder = frame.builder
    into = builder.temporary()
    yes, no = builder.new(), builder.new()
    branch(frame, choice.condition, yes, no)
    mark = frame.pending
    ends: list[tuple[int, Cleanup | None]] = []
    for block, arm in ((yes, choice.yes), (no, choice.no)):
        builder.start(block)
        frame.pending = mark
        if arm is not None:
            term = evaluate(arm)
            if choice.type.kind != "void":
                frame.emit(Assign(into, term), arm.span)
        ends.append((builder.current, frame.pending))
    cleanups.join_arms(frame, (ends[0], ends[1]), mark, choice.span)
    return Name(into) if choice.type.kind != "void" else ZERO


def _elvis(frame: Frame, choice: tree.Conditional) -> Term:
    """GNU `a ?: b`: a is evaluated once."""
    builder = frame.builder
    value = convert(frame.value(choice.condition), choice.condition.type, choice.type)
    if pure(frame, choice.no):
        return apply("?:", value, value, _arm(frame, choice.no, choice.type))
    into = builder.temporary()
    frame.emit(Assign(into, value), choice.span)
    other, after = builder.new(), builder.new()
    decide(frame, value, after, other, choice.condition.span)
    builder.start(other)
    frame.emit(Assign(into, _arm(frame, choice.no, choice.type)), choice.no.span)
    builder.jump(after)
    builder.start(after)
    return Name(into)


def _conditional_place(frame: Frame, choice: tree.Conditional) -> Place:
    """`c ? a : b` as an lvalue: the address of either."""
    if choice.yes is None or (not is_object(frame, choice.type) and not _has_address(frame, choice)):
        return Place(choice.type, choice.type, value=_conditional(frame, choice), types=(choice.type,))
    term = _join(frame, choice, lambda arm: address_of(frame, frame.place(arm), arm.span))
    return memory(frame, term, choice.type)


def _has_address(frame: Frame, choice: tree.Conditional) -> bool:
    """True where both arms are lvalues in memory."""
    arms = [choice.yes, choice.no]
    for arm in arms:
        match arm:
            case tree.Reference(variable=variable):
                if (
                    variable.kind in ("param", "local")
                    and not in_memory(frame, variable)
                    and variable.type.kind != "reference"
                ):
                    return False
            case tree.Member() | tree.Subscript() | tree.Unary(op="*"):
                continue
            case _:
                return False
    return True


VALUES[tree.Conditional] = _conditional
PLACES[tree.Conditional] = _conditional_place
