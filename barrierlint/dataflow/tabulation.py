"""Interprocedural tabulation: every function in every context it is entered in, to a fixed point.

The scheme is IFDS tabulation (Reps, Horwitz, Sagiv, POPL 1995) over states that carry one fact (the debt) and the
few values that decide branches (ESP: Das, Lerner, Seigle, PLDI 2002). States meet only where their debts and flags
agree; the predecessor relation kept on the way gives shortest witnesses. What it does not model: concurrency; each
thread of control is followed alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from heapq import heappop, heappush
from itertools import count

from barrierlint.cfg.graph import THIS, Block, Cfg, Edge, Program
from barrierlint.dataflow.calls import EntryKey, Visible, enter, entry_state, generic, is_slot
from barrierlint.dataflow.contexts import (
    Arrival,
    Context,
    Entered,
    Hit,
    Node,
    Passage,
    Payment,
    Signature,
    Signatures,
    Visit,
)
from barrierlint.dataflow.deallocation import Release
from barrierlint.dataflow.debts import CHANGE, ENABLE, MAKE, OPERAND, REGISTER, Debt, Leaf, Progress, Site
from barrierlint.dataflow.garbage import Nameable, nameable, shared_objects
from barrierlint.dataflow.halves import cut_addresses
from barrierlint.dataflow.levels import asking, levels
from barrierlint.dataflow.liveness import live_at_entry
from barrierlint.dataflow.memory import place_of
from barrierlint.dataflow.obligations.changes import RECKONED
from barrierlint.dataflow.operands import CUT
from barrierlint.dataflow.phis import Phis
from barrierlint.dataflow.provenance import is_result
from barrierlint.dataflow.reach import ORDERING, Reach, bound_from, enables, reverse_postorder, tested
from barrierlint.dataflow.relations import Relation, relate
from barrierlint.dataflow.replaced import replacing
from barrierlint.dataflow.returns import Leave
from barrierlint.dataflow.state import ZEROED, State, join
from barrierlint.dataflow.transfer import TABLE, Settings, Transfer
from barrierlint.dataflow.translation import ENABLED, asks_if_on, forget_off, switching
from barrierlint.dataflow.untagged import untagged
from barrierlint.dataflow.walked import walked_objects
from barrierlint.events import Assign, Call
from barrierlint.finding import Span
from barrierlint.terms import AddressOf, Const, Term, Unknown

MAX_STATES = 6
"""States kept apart at one block for one debt, before flags are forgotten."""
MAX_CONTEXTS = 8
"""Contexts of one function that differ in constants, before constants are forgotten; half of it for one that acts on
no debt."""
SWITCHING = 4
"""Times as many of one that writes SCTLR: what it is handed says whether translation is switched on or off."""


class Tabulation:
    """Solve `program` from its roots; `contexts` then holds the fixed point, `exhausted` tells of a budget too small.

    `worked` counts the blocks worked on.
    """

    def __init__(self, program: Program, reach: Reach, settings: Settings, budget: int = 400_000) -> None:
        self.program = program
        self.reach = reach
        self.settings = settings
        self.walked = walked_objects(program)
        self.kinds = settings.obligations()
        self.cut = cut_addresses(program) if OPERAND in self.kinds else {}
        self.remarks: dict[str, dict[Span, str]] = {}
        if ENABLE in self.kinds and not enables(program):
            self.kinds = {name: kind for name, kind in self.kinds.items() if name != ENABLE}
        self.switching = switching(program) if ENABLE in self.kinds else frozenset()
        self.budget = budget
        self.worked = 0
        self.contexts: dict[EntryKey, Context] = {}
        self.per_function: dict[str, int] = {}
        self.queue: list[tuple[int, int, int, EntryKey, Node]] = []
        self.tickets = count()
        self.queued: set[tuple[EntryKey, Node]] = set()
        self.signatures = Signatures()
        self.exhausted = False
        self.orders: dict[str, dict[int, int]] = {}
        self.bounds: dict[tuple[str, int], Callable[[Term], bool]] = {}
        self.loops: dict[str, tuple[frozenset[int], ...]] = {}
        self.untagged: dict[str, frozenset[tuple[int, int]]] = {}
        self.shared = shared_objects(program.functions.values())
        self.nameable: dict[str, dict[int, Nameable]] = {}
        self.live: dict[str, dict[int, frozenset[str]]] = {}
        self.levels = levels(program) if REGISTER in self.kinds else {}
        self.asking = asking(program.functions)
        self.told: dict[tuple[str, tuple[str, ...]], bool] = {}
        self.flags = {usr: tested(cfg) for usr, cfg in program.functions.items()}
        self.boundaries: set[str] = {usr for usr in program.roots if usr not in settings.modelled}
        for usr in sorted(self.boundaries, key=program.roots.index):
            self.context(generic(program.functions[usr]))
        self._run()
        for usr, cfg in program.functions.items():
            if usr not in self.per_function and reach.writes[usr] and usr not in settings.modelled:
                self.boundaries.add(usr)
                self.context(generic(cfg))
                self._run()
        self._collect()

    # --- contexts and nodes ---

    def context(self, key: EntryKey) -> Context:
        """The context of `key`, started if it is new."""
        found = self.contexts.get(key)
        if found is None:
            cfg = self.program.functions[key.function]
            found = self.contexts[key] = Context(key, cfg)
            self.per_function[key.function] = self.per_function.get(key.function, 0) + 1
            self._arrive(found, cfg.entry, entry_state(cfg, key, found.phis), None)
        return found

    def _signature(self, context: Context, state: State) -> Signature:
        debt = state.debt.identity if state.debt else None
        tested = self.flags[context.cfg.usr]
        variables = frozenset((n, v) for n, v in state.variables.items() if isinstance(v, Const) and n in tested)
        flags = self.reach.flags
        cells = frozenset(
            (c, v) for c, v in state.cells.items() if isinstance(v, Const) and v.value < 2 and place_of(c) in flags
        )
        return self.signatures.number(debt, (variables, cells))

    def _follows(self, _debt: Debt) -> bool:
        """Whether a debt is of interest."""
        return True

    def _arrive(self, context: Context, block: int, state: State, arrival: Arrival | None) -> None:
        if state.debt is not None and not self._follows(state.debt):
            return
        state.prune(self._live(context.cfg)[block])
        names = self._nameable(context.cfg).get(block)
        if names is not None:
            names.collect(state)
        if (
            state.debt is not None
            and self.kinds[state.debt.kind].named(state.debt)
            and not state.names_debt(context.cfg.params)
        ):
            return
        nodes = context.nodes.setdefault(block, {})
        signature = self._signature(context, state)
        if signature not in nodes and context.crowd[block, self.signatures.identities[signature]] >= MAX_STATES:
            signature = self.signatures.number(state.debt.identity if state.debt else None, None)
        node = (block, signature)
        if arrival is not None:
            context.arrivals.setdefault(node, {}).setdefault(arrival)
        old = nodes.get(signature)
        if old is not None:
            state = join(f"φ{block}", old, state, context.phis)
            if state is old:
                return
        else:
            context.crowd[block, self.signatures.identities[signature]] += 1
        nodes[signature] = state
        if block in (context.cfg.exit, context.cfg.unwind):
            for caller in context.callers:
                self._enqueue(*caller)
        else:
            self._enqueue(context.key, node)

    def _nameable(self, cfg: Cfg) -> dict[int, Nameable]:
        if cfg.usr not in self.nameable:
            self.nameable[cfg.usr] = nameable(cfg, self.shared)
        return self.nameable[cfg.usr]

    def _live(self, cfg: Cfg) -> dict[int, frozenset[str]]:
        if cfg.usr not in self.live:
            self.live[cfg.usr] = live_at_entry(cfg)
        return self.live[cfg.usr]

    def _order(self, usr: str) -> dict[int, int]:
        """Blocks of a function in reverse postorder: what comes before is worked on before."""
        if usr not in self.orders:
            self.orders[usr] = reverse_postorder(self.program.functions[usr])
        return self.orders[usr]

    def _bound(self, usr: str, head: int) -> Callable[[Term], bool]:
        """Which symbols the loop at `head` binds anew."""
        if (usr, head) not in self.bounds:
            self.bounds[usr, head] = bound_from(self._order(usr), head)
        return self.bounds[usr, head]

    def _enqueue(self, key: EntryKey, node: Node) -> None:
        if (key, node) not in self.queued:
            self.queued.add((key, node))
            place = self._order(key.function).get(node[0], 0)
            heappush(self.queue, (self.reach.rank[key.function], place, next(self.tickets), key, node))

    def _run(self) -> None:
        while self.queue:
            self.worked += 1
            if self.worked > self.budget:
                self.exhausted = True
                return
            *_, key, node = heappop(self.queue)
            self.queued.discard((key, node))
            self._process(self.contexts[key], node)

    # --- one block ---

    def _process(self, context: Context, node: Node, collect: bool = False) -> None:
        block = context.cfg.blocks[node[0]]
        usr, key = context.cfg.usr, context.key
        told = (self.program.tables, self.levels.get(usr, {}), self.walked, self._remarks(context.cfg))
        transfer = Transfer(usr, context.phis, self.settings, self.kinds, key, *told)
        last = block.steps[-1].event if block.steps else None
        if isinstance(last, Call) and not collect:
            visit = self._visit(context, node, block, last, transfer)
            for number in range(len(visit.before)):
                self._call(context, node, block, last, visit, number)
            return
        for state, birth in self._states_after(context, node, block, transfer, collect):
            if isinstance(last, Call):
                self._call(context, node, block, last, Visit(state, 0, [(state, birth)]), 0, True)
            elif not collect:
                self._leave_block(context, node, block.edges, state, birth)

    def _remarks(self, cfg: Cfg) -> Mapping[Span, str]:
        """What a function as a whole says of steps of its own."""
        if cfg.usr not in self.remarks:
            looked = replacing(cfg) if CHANGE in self.kinds and self.reach.writes[cfg.usr] else frozenset()
            cut = self.cut.get(cfg.usr, frozenset())
            self.remarks[cfg.usr] = {**dict.fromkeys(looked, RECKONED), **dict.fromkeys(cut, CUT)}
        return self.remarks[cfg.usr]

    def _visit(self, context: Context, node: Node, block: Block, call: Call, transfer: Transfer) -> Visit:
        """A block up to the call that it ends in: worked out anew only if something changed since."""
        state = context.nodes[node[0]][node[1]]
        visit = context.visits.get(node)
        if visit is None or visit.state is not state or visit.grown != context.phis.grown:
            before = self._states_after(context, node, block, transfer, False)
            visit = context.visits[node] = Visit(state, context.phis.grown, before)
            for after, birth in before:
                if (release := self._release(call, after)) is not None:
                    self._give_back(context, node, block, call, after, birth, False, release)
        return visit

    def _states_after(
        self, context: Context, node: Node, block: Block, transfer: Transfer, collect: bool
    ) -> list[tuple[State, int | None]]:
        live: list[tuple[State, int | None]] = [(context.nodes[node[0]][node[1]].copy(), None)]
        for index, step in enumerate(block.steps):
            if isinstance(step.event, Call):
                break
            after: list[tuple[State, int | None]] = []
            for state, birth in live:
                debt = state.debt
                kept, born, relation = transfer.step(state, step, block.id, index)
                if collect and relation is not None and debt is not None:
                    shown = self.kinds[debt.kind].shown(debt, step.event)
                    context.hits.append(Hit(node, birth, index, shown, relation))
                if collect and debt is not None and isinstance(step.event, ORDERING):
                    context.payments.append(Payment(block.id, index, debt, kept.debt if kept else None))
                lasting = [s for s in born if not self._judged(context, node, s, index, collect)]
                after += [(s, b) for s, b in ((kept, birth), *((s, index) for s in lasting)) if s is not None]
            live = after
        return live

    def _judged(self, context: Context, node: Node, born: State, index: int, collect: bool) -> bool:
        """Whether what was born is a defect where it stands, and nothing to follow."""
        assert born.debt is not None
        relation = self.kinds[born.debt.kind].at_once(born.debt)
        if relation is not None and collect:
            context.hits.append(Hit(node, index, index, born.debt, relation))
        return relation is not None

    def _leave_block(
        self,
        context: Context,
        node: Node,
        edges: tuple[Edge, ...],
        state: State,
        birth: int | None,
        via: tuple[EntryKey, Node] | None = None,
    ) -> None:
        for number, edge in enumerate(edges):
            branch = state if number == len(edges) - 1 else state.copy()
            if self._passes_by(context.cfg, node[0], edge.target, state.debt):
                continue
            if all(branch.facts.assume(branch.evaluate(g.condition), g.holds) for g in edge.guards):
                places = self._order(context.cfg.usr)
                if places[edge.target] <= places[node[0]]:
                    branch.turn(self._bound(context.cfg.usr, edge.target))
                self._arrive(context, edge.target, branch, Arrival(node, birth, via))

    def _passes_by(self, cfg: Cfg, source: int, target: int, debt: Debt | None) -> bool:
        """Whether a debt would leave a loop that issues TLBIs without one, or pass one by that has no tag to name.

        Such loops are taken to run: how often one turns is tied to how often the writes' loop did, which conditions do
        not show.
        """
        if debt is None or not self.kinds[debt.kind].invalidated_by_loops(debt):
            return False
        if cfg.usr not in self.untagged:
            self.untagged[cfg.usr] = untagged(cfg) if self.reach.invalidates[cfg.usr] else frozenset()
        if (source, target) in self.untagged[cfg.usr]:
            return True
        if cfg.usr not in self.loops:
            self.loops[cfg.usr] = self.reach.invalidating_loops(cfg, self._order(cfg.usr))
        born = debt.born[0] if debt.born is not None else -1
        return any(source in loop and target not in loop and born not in loop for loop in self.loops[cfg.usr])

    # --- calls ---

    def _call(
        self, context: Context, node: Node, block: Block, call: Call, visit: Visit, number: int, collect: bool = False
    ) -> None:
        state, birth = visit.before[number]
        if collect and (release := self._release(call, state)) is not None:
            self._give_back(context, node, block, call, state, birth, collect, release)
        targets = call.targets
        if call.pointer is not None and isinstance(value := state.evaluate(call.pointer), AddressOf):
            targets = (value.id,) if value.id in self.program.functions else targets
        known = [
            self.program.functions[usr]
            for usr in targets
            if usr in self.program.functions
            and call.qualified not in self.settings.accessors
            and not self._skips(state, call, usr, context.phis, context.key.slots)
        ]
        if not known:
            self._unseen(context, node, block, call, state.copy(), birth, collect)
            return
        for callee in known:
            if collect:
                key = self._entry(context, state, call, callee, self.reach.acts(callee.usr))
                self.context(key)
                if state.debt is not None and key.debt is not None:
                    context.passages.append(Passage(node, birth, state.debt, key))
            else:
                self._known_call(context, node, block, call, callee, visit, number)

    def _release(self, call: Call, state: State) -> Release | None:
        """What a call gives back; a body that is here, and invalidates or has an object, speaks for itself."""
        deallocators, key = self.settings.policies.deallocators, (call.qualified, call.targets)
        if key not in self.told:
            known = [self.program.functions[usr] for usr in call.targets if usr in self.program.functions]
            itself = any(self.reach.invalidates[cfg.usr] or cfg.params[:1] == (THIS,) for cfg in known)
            self.told[key] = itself or call.qualified in self.settings.described
        if not deallocators.concerns(call, self.told[key]):
            return None
        return deallocators.release(call, [state.evaluate(arg) for arg in call.args], self.told[key])

    def _give_back(
        self,
        context: Context,
        node: Node,
        block: Block,
        call: Call,
        state: State,
        birth: int | None,
        collect: bool,
        release: Release,
    ) -> None:
        """A call gives something back to an allocator: a debt may depend on it, or be born."""
        last = len(block.steps) - 1
        if state.debt is not None:
            kind = self.kinds[state.debt.kind]
            relation = kind.releases(state, release) if collect else None
            if relation is not None:
                context.hits.append(Hit(node, birth, last, state.debt, relation))
            state.debt = kind.after_release(state, release)
            return
        for kind in self.kinds.values() if not collect else ():
            found = kind.gives(state, release)
            if found is not None:
                born = state.copy()
                leaf = Leaf(Site(context.cfg.usr, block.id, last), found.transition, found.evidence)
                born.debt = found.debt(leaf, kind.kind)
                self._unseen(context, node, block, call, born, last, collect)

    def _skips(self, state: State, call: Call, usr: str, phis: Phis, slots: frozenset[Term]) -> bool:
        """Whether a callee is not worth entering: large, acts on no debt, and is handed nothing that a debt maps."""
        if not self.reach.large[usr]:
            return False
        if state.debt is None:
            return not any(is_slot(state.evaluate(arg), slots) for arg in call.args)
        return not any(phis.roots(state.evaluate(arg)) & state.debt.maps for arg in call.args)

    def _known_call(
        self, context: Context, node: Node, block: Block, call: Call, callee: Cfg, visit: Visit, number: int
    ) -> None:
        state, birth = visit.before[number]
        ordered = self.reach.acts(callee.usr)
        entered = self._entered(context, block, call, callee, visit, number)
        key, inner, leave = entered.key, entered.context, entered.leave
        inner.callers.setdefault((context.key, node))
        normal = tuple(edge for edge in block.edges if edge.reason != "throw")
        thrown = tuple(edge for edge in block.edges if edge.reason == "throw")
        for at, exit, unwinds in list(inner.exits()):
            taken = entered.taken.get(at)
            if taken is not None and taken[0] is exit and taken[1] == inner.phis.grown:
                continue
            entered.taken[at] = (exit, inner.phis.grown)
            if state.debt is not None and exit.debt is not None and exit.debt.born is not None:
                continue  # that debt is followed by a state of its own
            if exit.debt is not None and not self._follows(exit.debt):
                continue
            out = inner.out(at, exit)
            after = leave.state(out, call.into, ordered)
            if after is None:
                continue
            if key.debt is None and state.debt is not None:
                after.debt = state.debt
            if unwinds and after.debt is not None:
                after.debt = replace(after.debt, seen=after.debt.seen | {"thrown"})
            place = self.settings.maps.get(callee.usr)
            if place is not None and state.debt is None and after.debt is not None:
                after.debt = replace(after.debt, maps=leave.mapped(place, out))
            newborn = birth if exit.debt is None or exit.debt.born is None else len(block.steps) - 1
            self._leave_block(context, node, thrown if unwinds else normal, after, newborn, (key, at))

    def _entered(self, context: Context, block: Block, call: Call, callee: Cfg, visit: Visit, number: int) -> Entered:
        """What a call enters; exits count as taken over while nothing more is known of the callee's merged values."""
        state, _ = visit.before[number]
        entered = visit.entered.get((number, callee.usr))
        if entered is None or entered.leave.grown != entered.context.phis.grown:
            key = self._entry(context, state, call, callee, self.reach.acts(callee.usr))
            inner = self.context(key)
            site = (block.id, len(block.steps) - 1)
            leave = Leave(state, call, callee, inner.phis, context.phis, site)
            entered = visit.entered[number, callee.usr] = Entered(key, inner, leave)
        return entered

    def _entry(self, context: Context, state: State, call: Call, callee: Cfg, ordered: bool) -> EntryKey:
        key_of, phis = context.key, context.phis
        reach = self.reach
        usr = callee.usr
        tables = self.program.tables
        visible = Visible(
            ordered,
            reach.writes[usr],
            reach.reads[usr],
            key_of.slots,
            key_of.own,
            reach.accesses[usr],
            tables,
            usr in self.asking,
        )
        key = enter(state, call, callee, phis, visible)
        limit = (MAX_CONTEXTS if ordered else MAX_CONTEXTS // 2) * (SWITCHING if callee.usr in self.switching else 1)
        if key in self.contexts or self.per_function.get(callee.usr, 0) < limit:
            return key
        return key.coarse

    def _unseen(
        self, context: Context, node: Node, block: Block, call: Call, state: State, birth: int | None, collect: bool
    ) -> None:
        """A call whose body is not here: unless told otherwise it orders nothing; what it reaches may have changed."""
        place = f"@{block.id}.{len(block.steps) - 1}"
        arguments = [state.evaluate(arg) for arg in call.args]
        unknown = call.qualified not in self.settings.described
        if collect:
            relation = self._use_unseen(state, call, arguments, context.phis) if unknown else None
            if relation is not None and state.debt is not None:
                context.hits.append(Hit(node, birth, len(block.steps) - 1, state.debt, relation))
            return
        if state.debt is not None and unknown:
            if self.settings.unknown_calls == "assume-sync":
                return
            state.debt = self.kinds[state.debt.kind].unseen(state.debt, call)
            if state.debt is None:
                return
        reachable = frozenset(base for a in arguments for base in context.phis.roots(a) if isinstance(base, AddressOf))
        state.forget(reachable, place)
        forget_off(state, call.qualified)
        state.touched |= frozenset(base for a in arguments for base in context.phis.roots(a) if is_result(base))
        if unknown:
            for kind in self.kinds.values():
                kind.note_unseen(state, call)
        if call.into is not None:
            accessor = call.qualified in self.settings.accessors
            zeroed = ZEROED if call.qualified in self.settings.policies.zeroed else ""
            result = Unknown(place + zeroed + (TABLE if accessor else ENABLED if asks_if_on(call.qualified) else ""))
            state.variables[call.into] = result
            handed = (leaf for a in arguments for leaf in context.phis.origins(a, through_calls=True))
            context.phis.was_given(result, handed)
        self._leave_block(context, node, block.edges, state, birth)

    def _use_unseen(self, state: State, call: Call, arguments: list[Term], phis: Phis) -> Relation | None:
        """How a call of a function that is not here may depend on the debt: by a pointer to what was mapped."""
        if state.debt is None or state.debt.kind != MAKE:
            return None
        if self.settings.unknown_calls == "assume-access":
            return Relation.POSSIBLE if state.debt.progress is not Progress.LOCAL else None
        types = call.types or ("*",) * len(arguments)
        handed = (a for a, type in zip(arguments, types, strict=False) if "*" in type or "&" in type)
        return Relation.WEAK if any(relate(state, a, phis) is Relation.EXACT for a in handed) else None

    def _collect(self) -> None:
        """With the fixed point reached, note which accesses depend on which debts."""
        for context in self._unsettled():
            context.visits.clear()
            for block, nodes in list(context.nodes.items()):
                silent = all(isinstance(step.event, Assign) for step in context.cfg.blocks[block].steps)
                if not silent and block not in (context.cfg.exit, context.cfg.unwind):
                    for signature in list(nodes):
                        self._process(context, (block, signature), collect=True)

    def _unsettled(self) -> list[Context]:
        """The contexts whose accesses have not been related to debts yet."""
        return list(self.contexts.values())
