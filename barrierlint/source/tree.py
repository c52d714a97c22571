"""The syntax tree that everything after parsing sees: C and C++ functions, free of libclang.

`source` builds it from libclang (template instantiations resolved, macros expanded, constants folded where they fold);
`cfg` lowers it to events. All nodes are frozen; spans are where a person would point (expansion locations; for a node
inside a macro the place of the macro's use). What it does not keep: comments, unevaluated operands, declarations
without effect.
"""

from __future__ import annotations

from dataclasses import field

from barrierlint.finding import Notification, Span
from barrierlint.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Type:
    """A C or C++ type: canonical `spelling`, the `name` as written (typedefs kept), and its `kind`.

    `kind` is void, bool, integer, enum, floating, pointer, reference, record, array, function or other. `size` is in
    bytes (0 unknown), `element` the pointee or element type, `record` the USR of a record's declaration, `length` of
    an array.
    """

    spelling: str
    name: str
    kind: str
    size: int = 0
    signed: bool = False
    volatile: bool = False
    atomic: bool = False
    element: Type | None = None
    record: str = ""
    length: int = 0


@dataclass(frozen=True, slots=True)
class Variable:
    """A declared object: `id` is unique in the program (`usr#name#offset`); `kind` is param, local, static, global,
    member. `const` where the object itself (of an array: its elements) cannot change.
    """

    id: str
    name: str
    type: Type
    kind: str
    const: bool = False


# --- expressions -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Integer:
    """A constant: a literal, an enumerator, or anything clang folds (`sizeof`, constexpr, template arguments)."""

    span: Span
    type: Type
    value: int


@dataclass(frozen=True, slots=True)
class Text:
    """A string literal."""

    span: Span
    type: Type
    value: str


@dataclass(frozen=True, slots=True)
class Reference:
    """A use of a variable or parameter (an lvalue). A reference-typed variable denotes its referent, as in C++."""

    span: Span
    type: Type
    variable: Variable


@dataclass(frozen=True, slots=True)
class FunctionReference:
    """A use of a function as a value (not as the callee of a direct call)."""

    span: Span
    type: Type
    usr: str
    qualified: str


@dataclass(frozen=True, slots=True)
class This:
    """C++ `this` (a pointer)."""

    span: Span
    type: Type


@dataclass(frozen=True, slots=True)
class Member:
    """`base.name` or `base->name` (`arrow`); `bits` is (first bit, width) of a bit-field, else None. `record` names
    the owner.
    """

    span: Span
    type: Type
    base: Expression
    name: str
    arrow: bool
    record: str = ""
    bits: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Subscript:
    """`base[index]` of the built-in kind."""

    span: Span
    type: Type
    base: Expression
    index: Expression


@dataclass(frozen=True, slots=True)
class Unary:
    """Operators `- ~ ! + * & ++x --x x++ x--` and `__extension__`-like ones that change nothing."""

    span: Span
    type: Type
    op: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary:
    """Built-in binary operators without assignment, with `&&`, `||` and `,`."""

    span: Span
    type: Type
    op: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Assignment:
    """`=`, `|=`, `+=`, … of the built-in kind."""

    span: Span
    type: Type
    op: str
    target: Expression
    value: Expression


@dataclass(frozen=True, slots=True)
class Conditional:
    """`condition ? yes : no`; GNU `condition ?: no` has yes None."""

    span: Span
    type: Type
    condition: Expression
    yes: Expression | None
    no: Expression


@dataclass(frozen=True, slots=True)
class Cast:
    """A conversion, implicit or explicit, to `type`."""

    span: Span
    type: Type
    operand: Expression


@dataclass(frozen=True, slots=True)
class CallExpression:
    """A call. `callee` is the USR of the (instantiated) function, "" if the target is a value (`target`) or a builtin.

    `qualified` is the printable qualified name with template arguments (`mmu::hw_ptep<0>::write`), for builtins the
    builtin's name (`__atomic_store_n`). `object` is the object expression of a method call (an lvalue, or a pointer
    if `arrow`), None for free functions. `result` is the type returned. `noreturn` where the declaration says so.
    `virtual` where dispatch is dynamic. `parameters` are the types the declaration gives, `returns_reference` what it
    says of the result.
    """

    span: Span
    type: Type
    callee: str
    qualified: str
    args: tuple[Expression, ...]
    object: Expression | None = None
    arrow: bool = False
    target: Expression | None = None
    virtual: bool = False
    noreturn: bool = False
    parameters: tuple[Type, ...] = ()
    returns_reference: bool = False


@dataclass(frozen=True, slots=True)
class Construct:
    """An object of class `type` made by constructor `callee` ("" if trivial or implicit); `destructor` is its
    destructor's USR, `parameters` as in a call.
    """

    span: Span
    type: Type
    callee: str
    qualified: str
    args: tuple[Expression, ...]
    destructor: str = ""
    parameters: tuple[Type, ...] = ()


@dataclass(frozen=True, slots=True)
class Initializer:
    """A braced list: (member name or "" for array elements, value) in order."""

    span: Span
    type: Type
    items: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True, slots=True)
class Lambda:
    """A lambda expression; `function` is the USR of its call operator (of a generic lambda: of the template), whose
    body refers to captured variables by their own ids.

    `captures` are those written, as (variable, by reference); `default` is how all others are captured: `=`, `&`, or ""
    if there are none or nobody knows. `made` are the captures with an initialiser, variables of their own. `this_type`
    is the class of the object that `[*this]` copies, None without.
    """

    span: Span
    type: Type
    function: str
    captures: tuple[tuple[Variable, bool], ...] = ()
    default: str = ""
    made: tuple[Declaration, ...] = ()
    this_type: Type | None = None


@dataclass(frozen=True, slots=True)
class StatementExpression:
    """GNU `({ … })`: the value is that of the last expression statement."""

    span: Span
    type: Type
    body: Compound


@dataclass(frozen=True, slots=True)
class New:
    """`new T(...)`: allocates, then constructs."""

    span: Span
    type: Type
    construct: Expression | None
    placement: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True)
class Delete:
    """`delete e`: runs `destructor` (USR or ""), then frees."""

    span: Span
    type: Type
    operand: Expression
    destructor: str = ""


@dataclass(frozen=True, slots=True)
class Throw:
    """`throw e` or `throw`."""

    span: Span
    type: Type
    operand: Expression | None


@dataclass(frozen=True, slots=True)
class Opaque:
    """Any other expression: its parts are evaluated in order, its value is unknown. `what` is libclang's name for
    it.
    """

    span: Span
    type: Type
    what: str
    parts: tuple[Expression, ...] = ()


Expression = (
    Integer
    | Text
    | Reference
    | FunctionReference
    | This
    | Member
    | Subscript
    | Unary
    | Binary
    | Assignment
    | Conditional
    | Cast
    | CallExpression
    | Construct
    | Initializer
    | Lambda
    | StatementExpression
    | New
    | Delete
    | Throw
    | Opaque
)

# --- statements --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Compound:
    """`{ … }`: a scope; objects declared in it are destroyed in reverse order on every exit."""

    span: Span
    body: tuple[Statement, ...]
    end: Span | None = None  # of the closing brace


@dataclass(frozen=True, slots=True)
class Declaration:
    """One declared local. `destructor` is the USR of the destructor that runs at scope exit ("" if none matters).

    `cleanup` is the USR of a GNU `__attribute__((cleanup(f)))` function.
    """

    span: Span
    variable: Variable
    value: Expression | None
    destructor: str = ""
    cleanup: str = ""


@dataclass(frozen=True, slots=True)
class Evaluate:
    """An expression statement; temporaries die at its end."""

    span: Span
    expression: Expression


@dataclass(frozen=True, slots=True)
class If:
    """`if (init; condition)`; for `if constexpr` only the taken branch is here. A declared condition is in `init`."""

    span: Span
    init: Statement | None
    condition: Expression
    then: Statement
    otherwise: Statement | None


@dataclass(frozen=True, slots=True)
class Switch:
    """`switch (init; value) body`; labels are `Case` statements inside the body."""

    span: Span
    init: Statement | None
    value: Expression
    body: Statement


@dataclass(frozen=True, slots=True)
class Case:
    """`case low:` or `case low ... high:`; `default:` has no bounds. `body` is the labelled statement."""

    span: Span
    low: int | None
    high: int | None
    body: Statement | None


@dataclass(frozen=True, slots=True)
class For:
    """`for (init; condition; step) body`; while loops have neither init nor step."""

    span: Span
    init: Statement | None
    condition: Expression | None
    step: Expression | None
    body: Statement


@dataclass(frozen=True, slots=True)
class Do:
    """`do body while (condition);`"""

    span: Span
    body: Statement
    condition: Expression


@dataclass(frozen=True, slots=True)
class RangeFor:
    """`for (variable : range) body`, run any number of times."""

    span: Span
    init: Statement | None
    variable: Declaration | None
    range: Expression
    body: Statement


@dataclass(frozen=True, slots=True)
class Label:
    """`name: body`; `address_taken` where `&&name` exists."""

    span: Span
    name: str
    body: Statement | None


@dataclass(frozen=True, slots=True)
class Goto:
    """`goto name;`, or with name None a computed goto: to any label of the function whose address is taken."""

    span: Span
    name: str | None
    value: Expression | None = None


@dataclass(frozen=True, slots=True)
class Jump:
    """`break` or `continue` (`what`)."""

    span: Span
    what: str


@dataclass(frozen=True, slots=True)
class Return:
    """`return value;`"""

    span: Span
    value: Expression | None


@dataclass(frozen=True, slots=True)
class AsmOperand:
    """An operand of an asm statement: symbolic `name` ("" if none), `constraint`, expression."""

    name: str
    constraint: str
    expression: Expression


@dataclass(frozen=True, slots=True)
class Asm:
    """An asm statement: its template after macro expansion, operands, clobbers; `labels` for `asm goto`.

    `macro` names the macro that it is written by, "" where it is written out.
    """

    span: Span
    template: str
    outputs: tuple[AsmOperand, ...] = ()
    inputs: tuple[AsmOperand, ...] = ()
    clobbers: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    volatile: bool = False
    macro: str = ""


@dataclass(frozen=True, slots=True)
class Handler:
    """`catch (type) body`; `type` None for `catch (...)`."""

    span: Span
    variable: Variable | None
    type: Type | None
    body: Statement


@dataclass(frozen=True, slots=True)
class Try:
    """`try body handlers`."""

    span: Span
    body: Statement
    handlers: tuple[Handler, ...]


@dataclass(frozen=True, slots=True)
class Lost:
    """A statement that could not be read (a parse error inside); what is known of it is in `parts`."""

    span: Span
    why: str
    parts: tuple[Expression, ...] = ()


Statement = (
    Compound
    | Declaration
    | Evaluate
    | If
    | Switch
    | Case
    | For
    | Do
    | RangeFor
    | Label
    | Goto
    | Jump
    | Return
    | Asm
    | Try
    | Lost
)

# --- functions and units -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MemberInitializer:
    """A constructor's initialiser of `member` (or of a base class: member "")."""

    span: Span
    member: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Function:
    """A function with a body: of a template the instantiation, of a lambda its call operator.

    `qualified` is printable (`ns::cls<int>::method`), `params` without the object. `record` is the USR of the class
    of a method (then `this` exists unless `is_static`); `members` the destructors of members and bases that run
    after a destructor's body. `labels_taken` are labels whose address is taken. `external` means other files can
    call it, `weak` that another file's definition takes the place of this one.
    """

    usr: str
    name: str
    qualified: str
    params: tuple[Variable, ...]
    result: Type
    body: Statement
    span: Span
    record: str = ""
    is_static: bool = False
    external: bool = True
    virtual: bool = False
    overrides: tuple[str, ...] = ()
    noreturn: bool = False
    weak: bool = False
    initializers: tuple[MemberInitializer, ...] = ()
    members: tuple[str, ...] = ()
    labels_taken: tuple[str, ...] = ()
    kind: str = "function"  # function | method | constructor | destructor | lambda
    pattern: str = ""  # USR of the template pattern this instantiates


@dataclass(frozen=True, slots=True)
class Assigned:
    """A function whose address is stored in a member or variable: `place` is `record::member` or a variable id."""

    place: str
    function: str


@dataclass(frozen=True, slots=True)
class Record:
    """A class or struct: `fields` as (name, type, bit offset, bit width or 0)."""

    usr: str
    qualified: str
    size: int
    fields: tuple[tuple[str, Type, int, int], ...] = ()
    bases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TranslationUnit:
    """All functions reached from those defined in `path`, and what was lost on the way.

    `roots` are the USRs of functions defined in the main file itself. `target` is the triple's architecture
    (`aarch64`, `x86_64`, …). `cxx` tells C++ from C.
    """

    path: str
    functions: tuple[Function, ...]
    roots: tuple[str, ...]
    target: str = "aarch64"
    assigned: tuple[Assigned, ...] = ()
    records: tuple[Record, ...] = ()
    notifications: tuple[Notification, ...] = field(default_factory=tuple)
    globals: tuple[tuple[Variable, Expression | None], ...] = ()
    includes: tuple[str, ...] = ()
    cxx: bool = True
