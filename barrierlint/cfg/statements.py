"""Statements: scopes, declarations, loops, branches, jumps, labels, try and asm.

Each full expression ends with the destructors of its temporaries; each way out of a scope runs the destructors of what
was declared in it. What it does not model: coroutines, `setjmp`, and temporaries that live on past a branch of `?:` or
`&&`.
"""

from __future__ import annotations

from barrierlint.cfg import cleanups
from barrierlint.cfg.accesses import is_object, read, write
from barrierlint.cfg.builder import Builder
from barrierlint.cfg.conditions import branch
from barrierlint.cfg.expressions import bind
from barrierlint.cfg.fold import convert
from barrierlint.cfg.frame import STATEMENTS, Frame, SwitchCases, Target
from barrierlint.cfg.graph import RETURN
from barrierlint.cfg.nodes import peel
from barrierlint.cfg.objects import initialize
from barrierlint.cfg.places import own_storage
from barrierlint.events import NOTHING, Assign, Unread
from barrierlint.source import tree
from barrierlint.terms import Term


def _compound(frame: Frame, statement: tree.Compound) -> None:
    mark = frame.pending
    for inner in statement.body:
        frame.statement(inner)
    cleanups.release(frame, mark, statement.end)


def _scoped(frame: Frame, statement: tree.Statement | None) -> None:
    """A statement that is a scope of its own without braces."""
    mark = frame.pending
    if statement is not None:
        frame.statement(statement)
    cleanups.release(frame, mark)


def _declaration(frame: Frame, statement: tree.Declaration) -> None:
    variable, value, span = statement.variable, statement.value, statement.span
    if variable.kind in ("static", "global"):
        return  # initialised before the program, or once by whoever comes first
    home = own_storage(frame, variable)
    mark = frame.pending
    if value is not None and variable.type.kind == "reference":
        write(frame, home, bind(frame, value), span)
        if _makes_object(value):
            return  # the scope's end destroys what is bound: its life is extended
    elif value is not None:
        initialize(frame, home, value, span)
    cleanups.release(frame, mark, span)
    if statement.destructor:
        cleanups.push(
            frame, statement.destructor, home.address or read(frame, home, span), span, f"destructor of {variable.name}"
        )
    if statement.cleanup and home.address is not None:
        cleanups.push(frame, statement.cleanup, home.address, span, f"cleanup of {variable.name}")


def _makes_object(value: tree.Expression) -> bool:
    inner = peel(value)
    return isinstance(inner, tree.Construct | tree.CallExpression | tree.Initializer) and inner.type.kind == "record"


def _evaluate(frame: Frame, statement: tree.Evaluate) -> None:
    mark = frame.pending
    frame.effect(statement.expression)
    cleanups.release(frame, mark, statement.span)


def _if(frame: Frame, statement: tree.If) -> None:
    builder = frame.builder
    mark = frame.pending
    if statement.init is not None:
        frame.statement(statement.init)
    yes, no, after = builder.new(), builder.new(), builder.new()
    branch(frame, statement.condition, yes, no)
    builder.start(yes)
    _scoped(frame, statement.then)
    builder.jump(after)
    builder.start(no)
    _scoped(frame, statement.otherwise)
    builder.jump(after)
    builder.start(after)
    cleanups.release(frame, mark)


def _loop(frame: Frame, body: tree.Statement, leave: int, again: int) -> None:
    """The body of a loop, with where `break` and `continue` lead."""
    frame.breaks.append(Target(leave, frame.pending))
    frame.continues.append(Target(again, frame.pending))
    _scoped(frame, body)
    frame.breaks.pop()
    frame.continues.pop()


def _for(frame: Frame, statement: tree.For) -> None:
    builder = frame.builder
    mark = frame.pending
    if statement.init is not None:
        frame.statement(statement.init)
    head, body, step, after = builder.new(), builder.new(), builder.new(), builder.new()
    builder.fall_into(head)
    if statement.condition is not None:
        branch(frame, statement.condition, body, after)
    else:
        builder.jump(body)
    builder.start(body)
    _loop(frame, statement.body, after, step)
    builder.fall_into(step)
    if statement.step is not None:
        _evaluate(frame, tree.Evaluate(statement.step.span, statement.step))
    builder.jump(head, "back")
    builder.start(after)
    cleanups.release(frame, mark)


def _do(frame: Frame, statement: tree.Do) -> None:
    builder = frame.builder
    body, test, after = builder.new(), builder.new(), builder.new()
    builder.fall_into(body)
    _loop(frame, statement.body, after, test)
    builder.fall_into(test)
    branch(frame, statement.condition, body, after)
    builder.start(after)


def _switch(frame: Frame, statement: tree.Switch) -> None:
    from barrierlint.cfg.switches import dispatch

    builder = frame.builder
    mark = frame.pending
    if statement.init is not None:
        frame.statement(statement.init)
    inside = frame.pending
    value = frame.value(statement.value)
    cleanups.release(frame, inside, statement.span)
    source, after = builder.current, builder.new()
    builder.stop()
    cases = SwitchCases()
    frame.switches.append(cases)
    frame.breaks.append(Target(after, frame.pending))
    _scoped(frame, statement.body)
    frame.breaks.pop()
    frame.switches.pop()
    builder.jump(after)
    dispatch(frame, source, value, statement.value, cases, after)
    builder.start(after)
    cleanups.release(frame, mark)


def _case(frame: Frame, statement: tree.Case) -> None:
    builder = frame.builder
    block = builder.new()
    builder.fall_into(block)
    if frame.switches:
        if statement.low is None:
            frame.switches[-1].default = block
        else:
            high = statement.low if statement.high is None else statement.high
            frame.switches[-1].cases.append((statement.low, high, block))
    if statement.body is not None:
        frame.statement(statement.body)


def _label(frame: Frame, statement: tree.Label) -> None:
    block = frame.builder.new()
    frame.builder.fall_into(block)
    frame.labels[statement.name] = Target(block, frame.pending)
    if statement.body is not None:
        frame.statement(statement.body)


def _goto(frame: Frame, statement: tree.Goto) -> None:
    if statement.value is not None:
        frame.value(statement.value)
    frame.gotos.append((frame.builder.current, frame.pending, statement.name, statement.span, "goto"))
    frame.builder.stop()


def _jump(frame: Frame, statement: tree.Jump) -> None:
    targets = frame.breaks if statement.what == "break" else frame.continues
    if not targets:
        return
    cleanups.leave(frame, targets[-1].pending, statement.span)
    frame.builder.jump(targets[-1].block, statement.what)


def _return(frame: Frame, statement: tree.Return) -> None:
    mark = frame.pending
    if statement.value is not None:
        result = frame.function.result
        if result.kind == "void":
            frame.effect(statement.value)
        else:
            frame.emit(Assign(RETURN, _returned(frame, statement.value, result)), statement.span)
    if statement.value is None or frame.function.result.kind == "void":
        frame.emit(Assign(RETURN, NOTHING), statement.span)  # so that paths tell which return they take
    cleanups.leave(frame, None, statement.span)
    frame.pending = mark
    frame.builder.jump(Builder.EXIT, "return")


def _returned(frame: Frame, value: tree.Expression, result: tree.Type) -> Term:
    if result.kind == "reference":
        return bind(frame, value)
    if is_object(frame, result):
        return frame.value(value)
    word = frame.environment.layouts.word(result) or result
    source = frame.environment.layouts.word(value.type) or value.type
    return convert(frame.value(value), source, word)


def _try(frame: Frame, statement: tree.Try) -> None:
    builder = frame.builder
    mark = frame.pending
    handlers = tuple(builder.new() for _ in statement.handlers)
    after = builder.new()
    cleanups.push_try(frame, handlers, any(handler.type is None for handler in statement.handlers))
    frame.statement(statement.body)
    frame.pending = mark
    builder.jump(after)
    for block, handler in zip(handlers, statement.handlers, strict=True):
        builder.start(block)
        if handler.variable is not None and handler.variable.id:
            _catch(frame, handler.variable, handler)
        _scoped(frame, handler.body)
        builder.jump(after)
    builder.start(after)


def _catch(frame: Frame, variable: tree.Variable, handler: tree.Handler) -> None:
    home = own_storage(frame, variable)
    if variable.type.kind == "reference" or not is_object(frame, variable.type):
        value: Term = frame.object() if variable.type.kind == "reference" else frame.unknown("exception")
        write(frame, home, value, handler.span)


def _lost(frame: Frame, statement: tree.Lost) -> None:
    for part in statement.parts:
        frame.effect(part)
    frame.emit(Unread(statement.why), statement.span)


STATEMENTS.update(
    {
        tree.Compound: _compound,
        tree.Declaration: _declaration,
        tree.Evaluate: _evaluate,
        tree.If: _if,
        tree.For: _for,
        tree.Do: _do,
        tree.Switch: _switch,
        tree.Case: _case,
        tree.Label: _label,
        tree.Goto: _goto,
        tree.Jump: _jump,
        tree.Return: _return,
        tree.Try: _try,
        tree.Lost: _lost,
    }
)
