"""Calls: who is called with what, and what takes a call's place.

Evaluation is in order: object, arguments, call; a call ends its block. A model's word replaces the call, then
intrinsics do; what stays gets its targets when units are joined. What it does not model: default arguments the tree
does not show, tail calls.
"""

from __future__ import annotations

from barrierlint.cfg import cleanups
from barrierlint.cfg.accesses import address_of, is_object, memory, read, width, write
from barrierlint.cfg.constants import shape
from barrierlint.cfg.fold import ZERO, convert
from barrierlint.cfg.frame import EFFECTS, PLACES, VALUES, Frame, Place
from barrierlint.cfg.modelled import Given, lower_intrinsic, lower_modelled
from barrierlint.cfg.nodes import peel
from barrierlint.cfg.noncalls import IDENTITIES, special
from barrierlint.cfg.places import address
from barrierlint.cfg.pointers import is_made, place_of
from barrierlint.cfg.promotion import pointees
from barrierlint.cfg.records import is_closure
from barrierlint.cfg.storage import parameter_spellings, parameter_type
from barrierlint.events import Access, Call, Kind
from barrierlint.finding import Span
from barrierlint.models import Place as Operand
from barrierlint.source import tree
from barrierlint.terms import AddressOf, Apply, Term


def call(frame: Frame, expression: tree.CallExpression) -> Term:
    """Evaluate a call; the result of a record that is not transparent is the address of a temporary."""
    known = special(frame, expression)
    if known is not None:
        return known
    if returns_object(frame, expression):
        from barrierlint.cfg.objects import destroy_later

        home = frame.object()
        call_into(frame, expression, home)
        destroy_later(frame, home, expression.type, expression.span)
        return home
    return _call(frame, expression)


def call_value(frame: Frame, expression: tree.CallExpression) -> Term:
    """Evaluate a call whose transparent result initialises an object, which owns it from then on."""
    term = special(frame, expression)
    if term is None:
        term = _call(frame, expression)
    if returns_reference(frame, expression):
        return read(frame, memory(frame, term, expression.type), expression.span)
    return term


def returns_object(frame: Frame, expression: tree.CallExpression) -> bool:
    """True where the result is a record known by its address."""
    return not returns_reference(frame, expression) and is_object(frame, expression.type)


def returns_reference(frame: Frame, expression: tree.CallExpression) -> bool:
    """True where the call is an lvalue."""
    return expression.type.kind == "reference" or expression.returns_reference


def call_into(frame: Frame, expression: tree.CallExpression, home: Term) -> None:
    """Call, and let `home` receive the record returned, whose parts are not known."""
    _call(frame, expression)
    size = width(frame, expression.type)
    frame.emit(Access(Kind.WRITE, home, frame.unknown("result"), size=size), expression.span, "result of the call")


def _kept(frame: Frame, expression: tree.CallExpression, term: Term) -> Place:
    """The transparent result of a call as a temporary object, destroyed when the full expression ends."""
    from barrierlint.cfg.objects import destroy_later

    home = memory(frame, frame.object(), expression.type)
    write(frame, home, term, expression.span, note="temporary")
    destroy_later(frame, home.address or ZERO, expression.type, expression.span)
    return home


def _call(frame: Frame, expression: tree.CallExpression) -> Term:
    target = frame.value(expression.target) if expression.target is not None and not expression.callee else None
    given = _evaluate(frame, expression)
    model = frame.environment.models.function(expression.qualified)
    if lower_modelled(frame, given, model):
        return given.result
    here = expression.callee in frame.environment.functions
    if (here or model is None or not model.replaces(has_body=False)) and lower_intrinsic(frame, given):
        return given.result
    why = "virtual" if expression.virtual else "direct" if expression.callee or target is None else "unknown"
    callee, name, entries = expression.callee, expression.qualified, _entries(frame, given)
    event = Call(callee, name, given.terms, given.into, (), why, given.spellings, target, entries)
    tried = cleanups.inside_try(frame)
    if target is None or expression.target is None:
        frame.call(event, expression.span, object=given.has_object and model is not None, tried=tried)
    else:
        place, made = place_of(expression.target), is_made(expression.target, expression.target.type)
        held = shape(expression.target)
        named = _functions_in(target)
        frame.call(event, expression.span, named=named, held=held, place=place, made=made, tried=tried)
    noreturn = expression.noreturn or (model is not None and model.noreturn)
    after_call(frame, noreturn, expression.callee, why)
    if model is not None and model.calls is not None and not here and not noreturn:
        _call_back(frame, expression, given, model.calls)
    return given.result


def _call_back(frame: Frame, expression: tree.CallExpression, given: Given, operand: Operand) -> None:
    """Call what a model says that the function called calls before it returns; nothing is known of the arguments."""
    index = operand.index + given.has_object
    if operand.base != "arg" or index >= len(given.terms) or operand.index >= len(expression.args):
        return
    term, arg = given.terms[index], expression.args[operand.index]
    event = Call("", f"{expression.qualified} (callback)", pointer=term, why="unknown")
    named, held, place = _functions_in(term), shape(arg), place_of(arg)
    tried = cleanups.inside_try(frame)
    frame.call(event, arg.span, "called back", named=named, held=held, place=place, optional=True, tried=tried)
    after_call(frame, False)


def _evaluate(frame: Frame, expression: tree.CallExpression) -> Given:
    """The operands of a call, object first."""
    terms: list[Term] = []
    types: list[tree.Type] = []
    place: Place | None = None
    function = frame.environment.functions.get(expression.callee)
    object = expression.object
    if object is not None:
        place = None if expression.arrow else frame.place(object)
        term = frame.value(object) if place is None else address_of(frame, place, object.span)
        if function is None or not function.is_static:
            terms.append(term)
            types.append(object.type)
    first = expression.args[0] if expression.args and not terms else None
    if first is not None and _is_address(frame, expression, first):
        place = frame.place(pointed_at(first))
        terms.append(address_of(frame, place, first.span))
        rest = pass_arguments(frame, expression, 1)
    else:
        rest = pass_arguments(frame, expression)
    types += [arg.type for arg in expression.args]
    into = frame.builder.temporary() if expression.type.kind != "void" else None
    all_terms = (*terms, *rest)
    operand = object if object is not None and len(terms) else (expression.args[0] if expression.args else None)
    known = pointees(place, operand) if operand is not None else ()
    return Given(expression, all_terms, tuple(types), object is not None and bool(terms), known, into)


def _entries(frame: Frame, given: Given) -> tuple[int, ...]:
    """The arguments that point to descriptors, where the callee's parameter points to something else."""
    evidence, environment = frame.environment.descriptors.evidence, frame.environment
    first = len(given.terms) - len(given.call.args)
    found: list[int] = []
    for number, argument in enumerate(given.call.args):
        pointee = peel(argument).type.element
        if pointee is not None and evidence(pointee):
            wanted = parameter_type(environment.functions, given.call, number, environment.models)
            if wanted is None or wanted.element is None or not evidence(wanted.element):
                found.append(first + number)
    return tuple(found)


def _is_address(frame: Frame, expression: tree.CallExpression, first: tree.Expression) -> bool:
    """True for `&x` passed as a pointer, so that x's own type can be seen."""
    function = frame.environment.functions.get(expression.callee)
    if function is not None and function.params and function.params[0].type.kind != "pointer":
        return False
    inner = peel(first)
    return isinstance(inner, tree.Unary) and inner.op == "&" and not isinstance(inner.operand, tree.FunctionReference)


def pointed_at(expression: tree.Expression) -> tree.Expression:
    """The operand of the `&` that `expression` is."""
    inner = peel(expression)
    return inner.operand if isinstance(inner, tree.Unary) else inner


def pass_arguments(frame: Frame, call: tree.CallExpression | tree.Construct, start: int = 0) -> tuple[Term, ...]:
    """Evaluate the arguments of `call` from number `start` on as the callee's parameters want them."""
    functions, models = frame.environment.functions, frame.environment.models
    return tuple(
        pass_argument(frame, arg, parameter_type(functions, call, index, models))
        for index, arg in enumerate(call.args)
        if index >= start
    )


def pass_argument(frame: Frame, arg: tree.Expression, type: tree.Type | None) -> Term:
    """One argument: by reference its address, a record that is not transparent as the address of a copy, else its
    value.
    """
    wanted = type if type is not None and type.kind != "other" else arg.type
    if wanted.kind == "reference":
        return address(frame, arg)
    if not is_object(frame, wanted) or wanted.kind != "record":
        word = frame.environment.layouts.word(wanted) or wanted
        return convert(frame.value(arg), arg.type, word)
    inner = peel(arg)
    if isinstance(inner, tree.Lambda | tree.FunctionReference) or is_closure(wanted):
        return frame.value(inner)
    from barrierlint.cfg.objects import destroy_later, initialize

    home = frame.object()
    initialize(frame, memory(frame, home, wanted), arg, arg.span)
    destroy_later(frame, home, wanted, arg.span)
    return home


def _functions_in(term: Term) -> tuple[str, ...]:
    """The functions a term can be, where it is one or a choice of some."""
    match term:
        case AddressOf(id, "function"):
            return (id,)
        case Apply("?:", (_, yes, no)):
            return _functions_in(yes) + _functions_in(no)
    return ()


def after_call(frame: Frame, noreturn: bool, callee: str = "", why: str = "direct") -> None:
    """End the block of a call: the normal way on, and the exceptional one unless none is possible."""
    environment, builder = frame.environment, frame.builder
    ended = builder.current
    known = environment.functions.get(callee) if why == "direct" else None
    if noreturn or (known is not None and known.noreturn):
        builder.stop()
    else:
        builder.split()
    if environment.throws and (why != "direct" or callee not in environment.quiet):
        cleanups.throw_from(frame, ended)


def call_function(frame: Frame, usr: str, args: tuple[Term, ...], span: Span, note: str) -> None:
    """Call the function `usr`, whose body is in the program, for its effect."""
    function = frame.environment.functions[usr]
    event = Call(usr, function.qualified, args, types=parameter_spellings(function))
    frame.call(event, span, note, tried=cleanups.inside_try(frame))
    after_call(frame, False, usr)


def call_method(frame: Frame, usr: str, object: Term, span: Span, note: str) -> None:
    """Call the (possibly virtual) method `usr` on the object at `object` for its effect."""
    function = frame.environment.functions.get(usr)
    why = "virtual" if function is None or function.virtual else "direct"
    event = Call(usr, function.qualified if function is not None else "", (object,), None, (), why, ("void *",))
    frame.call(event, span, note, tried=cleanups.inside_try(frame))
    after_call(frame, False, usr, why)


def _place(frame: Frame, expression: tree.CallExpression) -> Place:
    """What a call denotes: an object where it returns a reference, else its value."""
    term = call(frame, expression)
    type = expression.type
    if expression.qualified.startswith(IDENTITIES) or returns_reference(frame, expression):
        return memory(frame, term, type)
    if is_object(frame, type):
        return memory(frame, term, type)
    if type.kind == "record" and type.record in frame.environment.destructors:
        return _kept(frame, expression, term)
    return Place(type, type, value=term, types=(type,))


def _value(frame: Frame, expression: tree.CallExpression) -> Term:
    return read(frame, _place(frame, expression), expression.span)


def _effect(frame: Frame, expression: tree.CallExpression) -> None:
    """A call whose result nobody wants: where it returns a reference, nothing is read through it."""
    _place(frame, expression)


EFFECTS[tree.CallExpression] = _effect
VALUES[tree.CallExpression] = _value
PLACES[tree.CallExpression] = _place
