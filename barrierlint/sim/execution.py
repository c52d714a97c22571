"""Partial executions: memory effects, who reads from whom, and what is ordered before what.

An execution is consistent if ordered-before is acyclic. It holds a set of effects by number; `before[n]` is the bit
mask of effects ordered before `n`, kept transitive, so that an inconsistent choice is refused when it is made.
Sections refer to the ordered-before rules of DDI 0487 B2.3 (B2.3.6 to B2.3.10 in issue L). What it does not model:
which instruction orders what (see `ordering`), accesses of different sizes that overlap.
"""

from __future__ import annotations

from barrierlint.sim.effects import INITIAL, Effect, Invalidation, Role, bits

_OFFSET = 0xFFF


class Execution:
    """A partial execution. Extended in place between two choices, copied at each choice."""

    __slots__ = (
        "access", "before", "decided", "effects", "local", "pending", "reads", "rmws", "unmade", "visible", "walks",
        "writes",
    )  # fmt: skip

    def __init__(self) -> None:
        self.effects: list[Effect] = []
        self.before: list[int] = []
        self.local: list[int] = []
        self.writes: dict[int, tuple[int, ...]] = {}
        self.reads: dict[int, tuple[int, ...]] = {}
        self.walks: list[int] = []
        self.access: dict[int, int] = {}
        self.rmws: dict[int, int] = {}
        self.visible: dict[int, int] = {}
        self.unmade: frozenset[int] = frozenset()
        self.pending: dict[Invalidation, None] = {}
        self.decided: dict[Invalidation, bool] = {}

    def copy(self) -> Execution:
        """Return a copy that can be extended on its own."""
        other = Execution.__new__(Execution)
        other.effects = self.effects.copy()
        other.before = self.before.copy()
        other.local = self.local.copy()
        other.writes = self.writes.copy()
        other.reads = self.reads.copy()
        other.walks = self.walks.copy()
        other.access = self.access.copy()
        other.rmws = self.rmws.copy()
        other.unmade = self.unmade
        other.visible = self.visible.copy()
        other.pending = self.pending.copy()
        other.decided = self.decided.copy()
        return other

    # Ordered-before -------------------------------------------------------------------------------------------------

    def add(self, effect: Effect, local: int) -> int:
        """Add `effect`, ordered locally after the effects of mask `local`; return its number."""
        number = len(self.effects)
        self.effects.append(effect)
        closed = ordered = local
        for earlier in bits(local):
            closed |= self.local[earlier]
            ordered |= self.before[earlier]
        self.local.append(closed)
        self.before.append(ordered)
        return number

    def order(self, first: int, second: int) -> bool:
        """Put `first` before `second`, transitively; False if that makes a cycle."""
        before = self.before
        if before[second] >> first & 1:
            return True
        if first == second or before[first] >> second & 1:
            return False
        extra = before[first] | 1 << first
        before[second] |= extra
        for number, mask in enumerate(before):
            if mask >> second & 1:
                before[number] = mask | extra
        return True

    def is_before(self, first: int, second: int) -> bool:
        """Whether `first` is ordered before `second` so far; initial memory is before every write."""
        return first == INITIAL or bool(self.before[second] >> first & 1)

    # Reads and writes -----------------------------------------------------------------------------------------------

    def sources(self, location: int) -> tuple[int, ...]:
        """Return the writes to `location` so far."""
        return self.writes.get(location, ())

    def add_read(self, effect: Effect, local: int) -> int | None:
        """Add a read or walk whose source is chosen; None if no consistent execution has it."""
        number = self.add(effect, local)
        source = effect.source
        location = effect.location
        walk = effect.role is Role.WALK
        # External visibility (B2.3.8): observed-by. A walker is not forwarded its own PE's store before it is visible.
        observed = source != INITIAL and (walk or self.effects[source].pe != effect.pe)
        if observed and not self.order(source, number):
            return None
        self.reads[location] = (*self.reads.get(location, ()), number)
        if walk:
            self.walks.append(number)
        else:
            for write in self.sources(location):
                earlier_own = write != source and self.effects[write].pe == effect.pe and write not in self.unmade
                # Internal visibility (B2.3.9): a read does not see past its own PE's program-order-earlier write.
                if earlier_own and (source == INITIAL or not self.order(write, source)):
                    return None
        return number if all(self._place(number, write) for write in self.sources(location)) else None

    def add_write(self, number: int, effect: Effect, local: int) -> int | None:
        """Add a write (`number` -1), or give promised write `number` its place; None if no consistent execution has
        it.
        """
        if number < 0:
            number = self.add(effect, local)
            self.writes[effect.location] = (*self.sources(effect.location), number)
        else:
            self.unmade -= {number}
            self.effects[number] = effect
            for earlier in bits(local):
                self.local[number] |= self.local[earlier] | 1 << earlier
                if not self.order(earlier, number):
                    return None
        return number if all(self._place(read, number) for read in self.reads.get(effect.location, ())) else None

    def promise(self, effect: Effect) -> int:
        """Add a write that a PE not run yet will have to make."""
        number = self.add(effect, 0)
        self.unmade |= {number}
        self.writes[effect.location] = (*self.sources(effect.location), number)
        return number

    def _place(self, read: int, write: int) -> bool:
        """Derive what `write` and `read` of one location imply for each other; False if they contradict."""
        effect = self.effects[read]
        source = effect.source
        if write == source:
            return True
        if effect.role is Role.WALK and not effect.stale_bound:
            # A translation may come from a TLB: it says nothing of when memory changed, but a walk put it there.
            return not effect.above or not self.is_before(source, write) or self._after_links(effect, write)
        internal = self.effects[write].pe == effect.pe
        if self.is_before(source, write):
            if effect.role is Role.WALK:
                return self.order(read, self.visible.get(write, write) if internal else write)
            if internal:
                return True
            # Hazard: an older read of the same location by the same PE did not see anything newer either (B2.3.6).
            older = (r for r in self.reads[effect.location] if r <= read and self.effects[r].pe == effect.pe)
            return all(self.order(r, write) for r in older if self.effects[r].role is Role.READ)
        if self.before[read] >> write & 1:
            return self.order(write, source)
        return True

    def _after_links(self, walk: Effect, missed: int) -> bool:
        """What a cached `walk` missed was written after the links that led to it: no walk could get there before."""
        links = [self.effects[number].source for number in walk.above]
        return all(link == INITIAL or self.order(self._seen(link, walk), self._seen(missed, walk)) for link in links)

    def _seen(self, write: int, walk: Effect) -> int:
        """The effect at which the PE of `walk` can see `write`."""
        return self.visible.get(write, write) if self.effects[write].pe == walk.pe else write

    # Consequences and choices ---------------------------------------------------------------------------------------

    def settle(self) -> bool:
        """Draw every consequence of the choices made so far; False if they contradict."""
        while True:
            mark = self._mark()
            for location, reads in self.reads.items():
                for write in self.sources(location):
                    for read in reads:
                        if not self._place(read, write):
                            return False
            if not self._settle_atomics() or not self._settle_invalidations():
                return False
            if mark == self._mark():
                return True

    def _mark(self) -> tuple[int, int]:
        return len(self.pending), sum(mask.bit_count() for mask in self.before)

    def _settle_atomics(self) -> bool:
        """No other PE's write comes between the read and the write of an atomic (DDI 0487 B2.3.9, B2.12)."""
        for write, read in self.rmws.items():
            effect = self.effects[read]
            source = effect.source
            for other in self.sources(effect.location):
                if other in (write, source) or self.effects[other].pe == effect.pe:
                    continue
                if self.is_before(source, other) and not self.order(write, other):
                    return False
                if self.before[write] >> other & 1 and (source == INITIAL or not self.order(other, source)):
                    return False
        return True

    def _settle_invalidations(self) -> bool:
        for pair, after in self.decided.items():
            if after and not self._apply(pair, after):
                return False
        for pair in list(self.pending):
            feasible = [after for after in (True, False) if self._feasible(pair, after)]
            if not feasible:
                return False
            forced = len(feasible) == 1 or self._implied(pair, False)
            if forced and not self.decide(pair, len(feasible) == 1 and feasible[0]):
                return False
        return True

    def decide(self, pair: Invalidation, after: bool) -> bool:
        """Choose that the walk of `pair` comes after its TLBI (or before it is done); False if that contradicts."""
        self.pending.pop(pair, None)
        self.decided[pair] = after
        return self._apply(pair, after)

    def _apply(self, pair: Invalidation, after: bool) -> bool:
        return all(self.order(first, second) for first, second in self._implications(pair, after))

    def _feasible(self, pair: Invalidation, after: bool) -> bool:
        before = self.before
        return not any(a == b or before[a] >> b & 1 for a, b in self._implications(pair, after))

    def _implied(self, pair: Invalidation, after: bool) -> bool:
        return all(self.before[b] >> a & 1 for a, b in self._implications(pair, after))

    def free(self, pair: Invalidation) -> bool:
        """Whether the walk of `pair` may come after its TLBI at no cost: all it missed is later already."""
        return self._implied(pair, True)

    def _implications(self, pair: Invalidation, after: bool) -> list[tuple[int, int]]:
        """Return what the place of a walk relative to a TLBI that covers it orders.

        After: what the walk missed was written after the TLBI (D8.16: a TLBI removes entries made from older
        descriptors). Before: the TLBI is not done until the walk, and on other PEs the accesses that used it or an
        older walk, are (D8.16.5).
        """
        walk = self.effects[pair.walk]
        if after:
            late = [w for w in self.sources(walk.location) if w != walk.source and self.is_before(walk.source, w)]
            return [(pair.issue, write if pair.external else self._seen(write, walk)) for write in late]
        users = [pair.walk]
        if pair.external:
            access = self.access.get(pair.walk)
            if access is not None:
                users += [access, *self._older_walks(pair.walk)]
        return [(user, pair.done) for user in users]

    def _older_walks(self, walk: int) -> list[int]:
        """Walks of earlier accesses of the PE of `walk` at the same offset: none outlives a TLBI that it precedes."""
        access = self.access[walk]
        if self.effects[access].role is Role.FAULT:
            return []
        effect, found = self.effects[walk], []
        for other in self.walks[: self.walks.index(walk)]:
            used = self.access.get(other)  # none: a store-exclusive that failed, or AT
            same = self.effects[other].pe == effect.pe and (self.effects[other].address ^ effect.address) & _OFFSET == 0
            if same and used is not None and self.effects[used].role is not Role.FAULT:
                found.append(other)
        return found

    def open_choice(self, wanted: frozenset[int]) -> list[tuple[int, int]] | Invalidation | None:
        """Return what is still open: two unordered writes of one location (as the two orders), or a TLBI and a walk.

        Writes to a location nobody reads and not in `wanted` (the locations whose final value matters) need no order.
        """
        for location, writes in self.writes.items():
            if len(writes) < 2 or (location not in wanted and location not in self.reads):
                continue
            for position, second in enumerate(writes):
                for first in writes[:position]:
                    if not (self.before[second] >> first & 1 or self.before[first] >> second & 1):
                        return [(first, second), (second, first)]
        return next(iter(self.pending), None)

    def final(self, location: int) -> int | None:
        """Return the last write to `location`, INITIAL if none; None while the last one is not known."""
        writes = self.sources(location)
        if not writes:
            return INITIAL
        return next((w for w in writes if all(w == o or self.before[w] >> o & 1 for o in writes)), None)

    def linear(self) -> list[int]:
        """Return the effects in an order that respects ordered-before: the earliest in program order that can be
        next, is.
        """
        left = list(range(len(self.effects)))
        order: list[int] = []
        done = 0
        while left:
            number = next(n for n in left if not self.before[n] & ~done)
            left.remove(number)
            order.append(number)
            done |= 1 << number
        return order
