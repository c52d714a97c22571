"""Which defects others make superfluous, and which are none after all: one mistake is to be told once.

A TLBI on the path of a write's defect is that defect's; a write taken for a make owes what a break of it would as well;
where nothing in the program reaches other PEs, nobody is left out. What it does not model: two mistakes in one place.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping

import networkx as nx

from barrierlint.cfg.graph import Cfg, Program
from barrierlint.dataflow.debts import (
    BREAK,
    CHANGE,
    ENABLE,
    FREE,
    LINK,
    MAKE,
    OPERAND,
    REGISTER,
    SPACE,
    Leaf,
    Progress,
    Site,
)
from barrierlint.dataflow.invalidations import parse
from barrierlint.dataflow.obligations.breaks import ASSUMED, EARLY, LOCAL, MISSED
from barrierlint.dataflow.obligations.enabling import TLB
from barrierlint.dataflow.obligations.spaces import GIVEN, HELD, SWITCHED, WRAPPED
from barrierlint.dataflow.operands import ABSENT, takes_asid
from barrierlint.dataflow.relations import Relation
from barrierlint.dataflow.traits import ASIDS, BROADCASTS, TAGS, WIDE, traits
from barrierlint.dataflow.translation import is_off
from barrierlint.dataflow.values import leaves
from barrierlint.dataflow.witness import Defect
from barrierlint.events import Assign, Call, CompilerBarrier, SysregWrite, Tlbi
from barrierlint.terms import Apply, Const, Term

_BASE = re.compile(r"ttbr[01]_el")
_GOVERNING = re.compile(r"(?:sctlr|tcr2?|mair2?)_el[12]")


def remaining(defects: Iterable[Defect], program: Program) -> list[Defect]:
    """`defects` without those that another one of them, or the program as a whole, makes superfluous."""
    said = traits(program)
    shared, broadcasts = not said.isdisjoint((BROADCASTS, WIDE)), BROADCASTS in said
    found = [d for d in defects if d.debt.progress is not Progress.LOCAL or _concerns_others(d, shared, broadcasts)]
    found = [defect for defect in found if not _is_before_translation(defect, program.functions)]
    found = [defect for defect in found if not _sets_up(defect, program.functions)]
    told = _told(found, program.functions)
    made = {defect.leaf.site for defect in found if defect.debt.kind == MAKE}
    near = {d.leaf.site for d in found if d.debt.kind == BREAK and d.debt.progress is Progress.LOCAL}
    found = [
        d for d in found if d.debt.kind != MAKE or d.debt.progress is not Progress.LOCAL or d.leaf.site not in near
    ]
    changed = {d.leaf.site for d in found if d.debt.kind == CHANGE}
    found = [d for d in found if d.debt.kind != BREAK or d.leaf.site not in changed or EARLY in d.debt.seen]
    if ASIDS in said:
        found = [d for d in found if d.debt.kind != SPACE or not d.debt.subject.startswith(SWITCHED)]
    else:
        found = [d for d in found if d.debt.kind != BREAK or f"{MISSED}asid" not in d.debt.seen]
    if TAGS in said:
        found = [d for d in found if d.debt.kind != SPACE or HELD not in d.debt.seen]
    if any(d.debt.kind == FREE for d in found):
        dying = _for_destructors(program)
        found = [d for d in found if d.debt.kind != FREE or d.path[0].function not in dying]
    freed = {d.leaf.site for d in found if d.debt.kind == FREE and not d.debt.subject}
    found = [d for d in found if not _leaves_freed(d, freed)]
    return _once(defect for defect in found if not _is_eclipsed(defect, told, made, program.functions))


def _told(defects: Iterable[Defect], functions: Mapping[str, Cfg]) -> set[Site]:
    """The TLBIs that are told with a write: those on the shortest of the ways it goes wrong, and others of the same
    functions; what a longer way happens to pass elsewhere is a mistake of its own.
    """
    ways: dict[Leaf, list[Defect]] = {}
    for defect in defects:
        if defect.debt.kind == BREAK and not _is_bare(defect):
            ways.setdefault(defect.leaf, []).append(defect)
    found: set[Site] = set()
    for some in ways.values():
        passed = [set(_invalidations(each, functions)) for each in sorted(some, key=lambda d: len(d.path))]
        near = {site.function for site in next(filter(None, passed), ())}
        found.update(site for sites in passed for site in sites if site.function in near)
    return found


def _once(defects: Iterable[Defect]) -> list[Defect]:
    """Of a TLBI that leaves unfinished by several functions the shortest way: it is one mistake, where it stands."""
    left: dict[tuple[Leaf, str], Defect] = {}
    others: list[Defect] = []
    for defect in defects:
        if defect.relation is not Relation.BOUNDARY or not (_is_bare(defect) or defect.debt.kind == OPERAND):
            others.append(defect)
            continue
        known = left.setdefault((defect.leaf, defect.debt.kind), defect)
        if (defect.debt.progress, len(defect.path)) < (known.debt.progress, len(known.path)):
            left[defect.leaf, defect.debt.kind] = defect
    return [*others, *left.values()]


def _for_destructors(program: Program) -> frozenset[str]:
    """Destructors, and the functions that nothing but these call: what they take apart no PE uses any more."""
    callers: dict[str, set[str]] = {}
    for usr, cfg in program.functions.items():
        for step in cfg.steps():
            for target in step.event.targets if isinstance(step.event, Call) else ():
                if target != usr:
                    callers.setdefault(target, set()).add(usr)
    found = {usr for usr, cfg in program.functions.items() if cfg.name.startswith("~")}
    changed = True
    while changed:
        more = {usr for usr, above in callers.items() if usr not in found and above and above <= found}
        found |= more
        changed = bool(more)
    return frozenset(found)


def _leaves_freed(defect: Defect, freed: Collection[Site]) -> bool:
    """Whether a break is left unfinished whose page goes back to an allocator: that is what is told."""
    return defect.debt.kind == BREAK and defect.relation is Relation.BOUNDARY and defect.leaf.site in freed


def _concerns_others(defect: Defect, shared: bool, broadcasts: bool) -> bool:
    return broadcasts if defect.debt.kind == BREAK and LOCAL in defect.debt.seen else shared


def _is_bare(defect: Defect) -> bool:
    """Whether a TLBI itself bears the debt."""
    return defect.debt.kind == BREAK and defect.debt.subject != ""


def _is_eclipsed(defect: Defect, told: set[Site], made: set[Site], functions: Mapping[str, Cfg]) -> bool:
    if defect.debt.kind == REGISTER:
        return _is_accessor(functions[defect.leaf.site.function], defect)
    if defect.debt.kind == LINK:
        return not _fills(defect, functions)
    if defect.debt.kind == ENABLE:
        return defect.debt.subject.startswith(TLB) and not _is_first(defect, functions)
    if defect.debt.kind == SPACE:
        return _is_told_apart(defect, functions)
    if defect.debt.kind == OPERAND and defect.debt.subject == ABSENT:
        cfg = functions[defect.leaf.site.function]
        return not takes_asid(cfg.params, cfg.param_types)
    if defect.debt.kind == OPERAND:
        return _is_wrapper(functions[defect.leaf.site.function], defect)
    if defect.debt.kind != BREAK:
        return False
    if _is_bare(defect):
        cfg = functions[defect.leaf.site.function]
        return defect.leaf.site in told or _is_wrapper(cfg, defect) or _is_part(cfg, defect)
    only_isb = defect.debt.progress is Progress.DONE and ASSUMED in defect.debt.seen
    return only_isb and defect.leaf.site in made


def _invalidations(defect: Defect, functions: Mapping[str, Cfg]) -> Iterator[Site]:
    if defect.debt.kind != BREAK:
        return
    for mark in defect.path:
        steps = functions[mark.function].blocks[mark.block].steps
        if mark.role in ("step", "access") and mark.step < len(steps) and isinstance(steps[mark.step].event, Tlbi):
            yield Site(mark.function, mark.block, mark.step)


def _is_before_translation(defect: Defect, functions: Mapping[str, Cfg]) -> bool:
    """Whether the TLBI that comes too early, or reaches this PE only, is executed with translation off."""
    if defect.debt.progress not in (Progress.WRITTEN, Progress.LOCAL) and EARLY not in defect.debt.seen:
        return False
    places = [] if _is_bare(defect) else [*_invalidations(defect, functions)]
    return bool(places) and is_off(functions[places[-1].function], places[-1].block, places[-1].step)


def _sets_up(defect: Defect, functions: Mapping[str, Cfg]) -> bool:
    """Whether a base that may not be in effect at a TLBI is written where a regime is set up: nothing walks yet."""
    if defect.debt.kind != REGISTER or not _BASE.match(defect.debt.subject) or defect.relation is Relation.BOUNDARY:
        return False
    written = (step.event for mark in defect.carriers for step in functions[mark.function].steps())
    return any(isinstance(event, SysregWrite) and _GOVERNING.fullmatch(event.register) for event in written)


def _is_wrapper(cfg: Cfg, defect: Defect) -> bool:
    """Whether a function is an instruction by name: named after the operation, which is all it does.

    What else is to be done is for who uses the name.
    """
    only = _only_invalidation(cfg, defect)
    return only is not None and only.op in re.sub(r"[^a-z0-9]", "", cfg.name.lower())


def _is_part(cfg: Cfg, defect: Defect) -> bool:
    """Whether a header's function is one TLBI and by its name, which begins with `_`, not for use by itself: what calls
    it, in a loop mostly, is not here and completes it.
    """
    in_header = cfg.place.path.endswith((".h", ".hh", ".hpp", ".inc"))
    return in_header and cfg.name.startswith("_") and _only_invalidation(cfg, defect) is not None


def _only_invalidation(cfg: Cfg, defect: Defect) -> Tlbi | None:
    """The TLBI that is all a function does, where a defect leaves that function; else None."""
    if defect.relation is not Relation.BOUNDARY or defect.path[-1].function != cfg.usr:
        return None
    does = [step.event for step in cfg.steps() if not isinstance(step.event, Assign)]
    return does[0] if len(does) == 1 and isinstance(does[0], Tlbi) else None


def _fills(defect: Defect, functions: Mapping[str, Cfg]) -> bool:
    """Whether a store into a table that is linked already lies in a loop of its own: it fills the table."""
    end, site = defect.path[-1], defect.leaf.site
    graph = nx.DiGraph((b.id, edge.target) for b in functions[end.function].blocks for edge in b.edges)
    if end.function == site.function and site.block in graph:
        graph.remove_node(site.block)
    return (end.block in graph and any(end.block in nx.descendants(graph, n) for n in graph.successors(end.block))) or (
        graph.has_edge(end.block, end.block)
    )


def _is_first(defect: Defect, functions: Mapping[str, Cfg]) -> bool:
    """Whether it is for the code at hand to invalidate before it switches the MMU on.

    It does so, but late or on another path, or it is where a processor starts, written in assembly. Else a caller may.
    """
    if defect.relation is not Relation.BOUNDARY:
        return True
    root = defect.path[-1].function
    if functions[root].place.path.lower().endswith((".s", ".asm")):
        return True
    seen, pending = {root}, [root]
    while pending:
        for step in functions[pending.pop()].steps():
            if isinstance(step.event, Tlbi):
                return True
            if isinstance(step.event, Call):
                more = {target for target in step.event.targets if target in functions} - seen
                seen |= more
                pending += more
    return False


def _is_accessor(cfg: Cfg, defect: Defect) -> bool:
    """Whether a function only writes what it is handed to a register: who uses it synchronizes.

    One that decides on bits itself is none: it configures something.
    """
    if defect.relation is not Relation.BOUNDARY or defect.path[-1].function != cfg.usr:
        return False
    does = [step.event for step in cfg.steps() if not isinstance(step.event, Assign | CompilerBarrier)]
    only = does[0] if cfg.params and len(does) == 1 else None
    if not isinstance(only, SysregWrite) or not any(leaves(only.value)):
        return False
    assigned = [step.event.value for step in cfg.steps() if isinstance(step.event, Assign)]
    return not any(_decides(value) for value in (only.value, *assigned))


def _decides(value: Term) -> bool:
    """Whether constant bits are set or cleared in a value, beyond its width."""
    if not isinstance(value, Apply):
        return False
    constants = [one.value for one in value.args if isinstance(one, Const)]
    own = value.op in ("|", "^", "+") or (value.op == "&" and all(one & (one + 1) for one in constants))
    return bool(own and constants) or any(_decides(one) for one in value.args)


def _is_told_apart(defect: Defect, functions: Mapping[str, Cfg]) -> bool:
    """Whether an address space that TLBs might mix up with another needs no TLBI on this path, for all that is known.

    An ASID that is given out may have been invalidated when it was freed, unless the code that gives it invalidates on
    another path; a counter that starts anew may leave that to every PE's next switch.
    """
    what, site = defect.debt.subject.partition(" ")[0], defect.leaf.site
    if what == SWITCHED:
        return is_off(functions[site.function], site.block, site.step)
    forms = ("asid",) if what == GIVEN else ("asid", "all")
    invalidates = any(_invalidates(mark.function, forms, functions) for mark in defect.carriers)
    return not invalidates if what == GIVEN else what == WRAPPED and invalidates


def _invalidates(usr: str, forms: Collection[str], functions: Mapping[str, Cfg]) -> bool:
    """Whether a function, or one that it calls, issues a TLBI of one of some forms."""
    seen, pending = {usr}, [usr]
    while pending:
        for step in functions[pending.pop()].steps():
            match step.event:
                case Tlbi(op=op) if (operation := parse(op)) is not None and operation.by in forms:
                    return True
                case Call(targets=targets):
                    more = {target for target in targets if target in functions} - seen
                    seen |= more
                    pending += more
    return False


def is_shared(program: Program) -> bool:
    """Whether the program itself says that other PEs walk its tables: it invalidates or waits in a wider domain."""
    return not traits(program).isdisjoint((BROADCASTS, WIDE))
