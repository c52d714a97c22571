"""One function: parameters, member initialisers, body, what runs on leaving, and jumps to labels, made into a `Cfg`.

What it does not model: destruction of finished members when a constructor throws, virtual bases.
"""

from __future__ import annotations

from dataclasses import replace

from barrierlint.cfg import cleanups
from barrierlint.cfg import closures as closures
from barrierlint.cfg import conditions as conditions
from barrierlint.cfg import constructors as constructors
from barrierlint.cfg import expressions as expressions
from barrierlint.cfg import inline_asm as inline_asm
from barrierlint.cfg import objects as objects
from barrierlint.cfg import operators as operators
from barrierlint.cfg import ranges as ranges
from barrierlint.cfg import statements as statements
from barrierlint.cfg.accesses import address_of, is_object, memory, write
from barrierlint.cfg.builder import Builder
from barrierlint.cfg.environment import Environment
from barrierlint.cfg.frame import Frame
from barrierlint.cfg.graph import THIS, Cfg
from barrierlint.cfg.linkable import Lowered
from barrierlint.cfg.places import member_place, own_storage
from barrierlint.cfg.storage import has_object, initializes, parameter_spellings
from barrierlint.finding import Span
from barrierlint.source import tree
from barrierlint.terms import Field, Name, Term


def lower_function(environment: Environment, function: tree.Function) -> Lowered:
    """Return the graph of `function`, its calls without targets yet."""
    frame = Frame(environment, function)
    _enter(frame)
    for initializer in function.initializers:
        if initializes(initializer):
            _initialize_member(frame, initializer)
    for destructor, address in reversed(_destroyed(frame)):
        cleanups.push(frame, destructor, address, _end(function), "destructor of a member")
    frame.statement(function.body)
    cleanups.release(frame, None, _end(function))
    frame.builder.jump(Builder.EXIT)
    _resolve_gotos(frame)
    cfg = _finish(frame)
    sites = (
        replace(frame.sites[id(block.steps[-1].event)], block=block.id)
        for block in cfg.blocks
        if block.steps and id(block.steps[-1].event) in frame.sites
    )
    return Lowered(cfg, tuple(sites))


def _finish(frame: Frame) -> Cfg:
    function = frame.function
    blocks, entry, exit, unwind = frame.builder.finish()
    object = (THIS,) if has_object(function) else ()
    return Cfg(
        usr=function.usr,
        name=function.name,
        qualified=function.qualified,
        params=object + tuple(param.id for param in function.params),
        blocks=blocks,
        entry=entry,
        exit=exit,
        unwind=unwind,
        place=function.span,
        end=_end(function),
        external=function.external,
        pattern=function.pattern,
        returns=function.result.spelling,
        param_types=parameter_spellings(function),
        virtual=function.virtual,
        overrides=function.overrides,
        loose=tuple(frame.loose),
    )


def _end(function: tree.Function) -> Span:
    body = function.body
    if isinstance(body, tree.Try):
        body = body.handlers[-1].body if body.handlers else body.body
    if isinstance(body, tree.Compound) and body.end is not None:
        return body.end
    span = body.span
    return replace(span, line=span.end_line or span.line, column=max(1, span.end_column - 1))


def _enter(frame: Frame) -> None:
    """Store the parameters that live in memory."""
    for param in frame.function.params:
        home = own_storage(frame, param)
        if home.address is None:
            continue
        if param.type.kind == "record" and is_object(frame, param.type):
            frame.builder.note = "by-value parameter"
            objects.copy(frame, home, Name(param.id), frame.function.span)
        else:
            frame.builder.note = "parameter"
            write(frame, home, Name(param.id), frame.function.span)
        frame.builder.note = ""


def _initialize_member(frame: Frame, initializer: tree.MemberInitializer) -> None:
    mark = frame.pending
    function, value, span = frame.function, initializer.value, initializer.span
    own = tree.Type("", "", "record", record=function.record)
    base = memory(frame, frame.this(), own)
    if not initializer.member:
        objects.initialize(frame, memory(frame, frame.this(), value.type), value, span)
    else:
        field = frame.environment.layouts.field(function.record, initializer.member)
        type = field.type if field is not None else value.type
        if type.kind == "reference":
            home = memory(frame, Field(frame.this(), initializer.member), replace(type, kind="pointer"))
            write(frame, home, address_of(frame, frame.place(value), span), span)
        else:
            access = tree.Member(span, type, value, initializer.member, False, function.record)
            objects.initialize(frame, member_place(frame, base, access), value, span)
    cleanups.release(frame, mark, span)


def _destroyed(frame: Frame) -> list[tuple[str, Term]]:
    """What runs after a destructor's body, as (destructor, address): members, last declared first, then bases."""
    environment = frame.environment
    owner = environment.layouts.record(tree.Type("", "", "record", record=frame.function.record))
    fields = [(name, type.record) for name, type, _, _ in owner.fields] if owner is not None else []
    result: list[tuple[str, Term]] = []
    for destructor in frame.function.members:
        function = environment.functions.get(destructor)
        record = function.record if function is not None else destructor.rpartition("@F@~")[0]
        index = next((at for at in reversed(range(len(fields))) if record and fields[at][1] == record), None)
        address: Term = frame.this() if index is None else Field(frame.this(), fields.pop(index)[0])
        result.append((destructor, address))
    return result


def _resolve_gotos(frame: Frame) -> None:
    """Lead jumps to their labels, running the destructors of the scopes they leave."""
    builder = frame.builder
    taken = frame.function.labels_taken or tuple(frame.labels)
    for block, pending, name, span, reason in frame.gotos:
        for label in (name,) if name is not None else taken:
            target = frame.labels.get(label)
            if target is None:
                continue
            way = builder.new()
            builder.edge(block, way, reason)
            builder.start(way)
            frame.pending = pending
            cleanups.leave(frame, cleanups.common_outer(pending, target.pending), span)
            builder.jump(target.block, reason)
