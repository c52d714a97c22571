"""Leaving scopes: destructors on every way out, and the paths an exception takes.

A normal exit runs what is pending in place; exceptions share one landing pad for each point of the list of pending
cleanups. What it does not model: which handler a thrown type matches (all are possible), exceptions that leave
destructors.
"""

from __future__ import annotations

from dataclasses import replace

from barrierlint.cfg.builder import Builder
from barrierlint.cfg.fold import ONE, ZERO
from barrierlint.cfg.frame import Cleanup, Frame
from barrierlint.cfg.graph import Guard
from barrierlint.events import Assign, Call
from barrierlint.finding import Span
from barrierlint.terms import Apply, Name, Term


def push(frame: Frame, function: str, address: Term, span: Span, note: str) -> None:
    """From here on, leaving calls `function` with `address`."""
    outer = frame.pending
    depth = outer.depth + 1 if outer else 1
    frame.pending = Cleanup(outer, function, address, span, note, depth=depth)


def push_try(frame: Frame, handlers: tuple[int, ...], catches_all: bool) -> None:
    """From here on, exceptions reach the blocks `handlers`."""
    outer = frame.pending
    depth = outer.depth + 1 if outer else 1
    frame.pending = Cleanup(outer, handlers=handlers, catches_all=catches_all, depth=depth)


def release(frame: Frame, kept: Cleanup | None, span: Span | None = None) -> None:
    """Run what is pending since `kept`, latest first; steps are at `span`, or where the object was made."""
    frame_pending = frame.pending
    while frame_pending is not kept and frame_pending is not None:
        frame.pending = frame_pending.outer
        run(frame, frame_pending, span)
        frame_pending = frame_pending.outer
    frame.pending = kept


def leave(frame: Frame, kept: Cleanup | None, span: Span) -> None:
    """Run what a jump out to `kept` must run; what is pending for the code after the jump stays."""
    pending = frame.pending
    release(frame, kept, span)
    frame.pending = pending


def join_arms(frame: Frame, arms: tuple[tuple[int, Cleanup | None], ...], outer: Cleanup | None, span: Span) -> None:
    """Go on where both arms of a choice end; each is (its last block, what is pending there), the first taken one
    first.

    Temporaries of an arm die with those around it (C++17 6.7.7), if that arm was taken, which a flag tells.
    """
    builder = frame.builder
    after = builder.new()
    flag = builder.temporary() if any(pending is not outer for _, pending in arms) else ""
    for (end, _), value in zip(arms, (ONE, ZERO), strict=True):
        builder.start(end)
        if flag:
            frame.emit(Assign(flag, value), span, "the arm taken")
        builder.jump(after)
    builder.start(after)
    frame.pending = outer
    taken_or_not: tuple[Term, Term] = (Name(flag), Apply("!", (Name(flag),)))
    for (_, pending), taken in zip(arms, taken_or_not, strict=True):
        for one in reversed(_since(pending, outer)):
            inner = one.condition
            condition: Term = taken if inner is None else Apply("&&", (taken, inner))
            depth = frame.pending.depth + 1 if frame.pending else 1
            frame.pending = replace(one, outer=frame.pending, depth=depth, condition=condition)


def _since(pending: Cleanup | None, outer: Cleanup | None) -> list[Cleanup]:
    found: list[Cleanup] = []
    while pending is not None and pending is not outer:
        found.append(pending)
        pending = pending.outer
    return found


def run(frame: Frame, cleanup: Cleanup, span: Span | None = None) -> None:
    """Call the cleanup function, as a block end, if its condition holds."""
    if not cleanup.function:
        return
    if cleanup.condition is None:
        _run(frame, cleanup, span)
        return
    builder, at = frame.builder, span or cleanup.span or frame.function.span
    inside, after = builder.new(), builder.new()
    builder.edge(builder.current, inside, "true", (Guard(cleanup.condition, True, at),))
    builder.edge(builder.current, after, "false", (Guard(cleanup.condition, False, at),))
    builder.start(inside)
    _run(frame, cleanup, span)
    builder.jump(after)
    builder.start(after)


def _run(frame: Frame, cleanup: Cleanup, span: Span | None) -> None:
    function = frame.environment.functions.get(cleanup.function)
    qualified = function.qualified if function is not None else ""
    event = Call(cleanup.function, qualified, (cleanup.address,), types=("void *",))
    frame.emit(event, span or cleanup.span or frame.function.span, cleanup.note)
    frame.builder.split()


def common_outer(one: Cleanup | None, other: Cleanup | None) -> Cleanup | None:
    """The innermost point of both lists: what a jump from `one` to `other` leaves pending."""
    while one is not other:
        if other is None or (one is not None and one.depth > other.depth):
            one = one.outer if one is not None else None
        elif one is None or other.depth > one.depth:
            other = other.outer
        else:
            one, other = one.outer, other.outer
    return one


def landing(frame: Frame, pending: Cleanup | None) -> list[int]:
    """The blocks an exception goes to from a point with `pending`."""
    if pending is None:
        return [Builder.UNWIND]
    if pending.handlers is not None:
        return [*pending.handlers, *([] if pending.catches_all else landing(frame, pending.outer))]
    if pending not in frame.pads:
        frame.pads[pending] = _pad(frame, pending)
    return [frame.pads[pending]]


def _pad(frame: Frame, pending: Cleanup) -> int:
    """A block that runs one cleanup and goes on outward; its edges are not `throw`, which is how a call is left."""
    builder = frame.builder
    resume, inside = builder.current, frame.pending
    block = builder.new()
    builder.start(block)
    frame.pending = pending.outer
    run(frame, pending)
    end = builder.current
    for target in landing(frame, pending.outer):
        builder.edge(end, target, "unwind")
    builder.start(resume)
    frame.pending = inside
    return block


def throw_from(frame: Frame, block: int) -> None:
    """Let an exception leave `block`."""
    for target in landing(frame, frame.pending):
        frame.builder.edge(block, target, "throw")


def inside_try(frame: Frame) -> bool:
    """True where a handler of this function may catch."""
    pending = frame.pending
    while pending is not None:
        if pending.handlers is not None:
            return True
        pending = pending.outer
    return False
