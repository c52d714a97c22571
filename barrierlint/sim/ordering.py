"""Which earlier effects of a PE each of its effects is ordered after: barriers, dependencies, acquire and release.

The rules are those of DDI 0487 B2.3 (dependency-, barrier-, pick-, atomic-, DSB- and
context-synchronization-ordered-before) as the published model of the VMSA has them, kept as bit masks of effects: a
barrier moves masks, an effect collects them. The walker is a separate observer: a walk is ordered by context
synchronization, an address dependency, and with ETS by DSB and program order; by nothing else. What it does not
model: a domain that holds some but not all of the other PEs (it is taken as the PE's own), and ordering by cache
maintenance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from barrierlint.events import Accesses, ContextSync, Dmb, Dsb, Event, ExceptionReturn, Order, Shareability

ACQUIRES = frozenset({Order.ACQUIRE, Order.ACQ_REL, Order.SEQ_CST})
RELEASES = frozenset({Order.RELEASE, Order.ACQ_REL, Order.SEQ_CST})


@dataclass(frozen=True, slots=True)
class Features:
    """Architecture extensions: FEAT_ETS2, FEAT_ETS3, and FEAT_ExS with SCTLR.EIS = EOS = 0."""

    ets2: bool = False
    ets3: bool = False
    exs: bool = False

    @property
    def ets(self) -> bool:
        """Enhanced translation synchronization, either version."""
        return self.ets2 or self.ets3


@dataclass(slots=True)
class LastWrite:
    """The program-order-latest own write to a location: what its address and data depend on, and its atomic's read."""

    data: int
    pick: int
    rmw: int = -1


@dataclass(slots=True)
class View:
    """What one PE has done so far, as masks of effects. A copy is independent (`last` is copied, its values never
    change).
    """

    reads: int = 0
    returning: int = 0  # reads whose result goes to a register: a DMB LD or DSB LD does not wait for the others
    writes: int = 0
    walks: int = 0
    invalidations: int = 0
    releases: int = 0
    acquired: int = 0
    after_dmb: int = 0
    after_dmb_st: int = 0
    after_dsb: int = 0
    after_sync: int = 0
    own_writes: int = 0  # the same for barriers that reach this PE only: order as its own walker and TLB see it
    own_invalidations: int = 0
    own_after_dsb: int = 0
    own_after_sync: int = 0
    control: int = 0
    pick_control: int = 0
    addresses: int = 0  # reads that the address of an earlier access depends on
    pick_addresses: int = 0
    translated: int = 0  # walks whose access has been made
    last: dict[int, LastWrite] = field(default_factory=dict)
    same: dict[int, int] = field(default_factory=dict)

    def copy(self) -> View:
        """Return a copy."""
        other = View.__new__(View)
        for name in _MASKS:
            setattr(other, name, getattr(self, name))
        other.last = self.last.copy()
        other.same = self.same.copy()
        return other


_MASKS = tuple(name for name in View.__slots__ if name not in ("last", "same"))


def wait(view: View, event: Event, wide: Callable[[Shareability], bool], features: Features) -> None:
    """Let barrier or context synchronization `event` move the masks of `view`; other events do nothing here.

    `wide` tells whether a domain holds every PE of the program.
    """
    match event:
        case Dmb(domain, Accesses.ALL) if wide(domain):
            # DMB orders every earlier access before every later one. It completes nothing and orders no walk (B2.3.12).
            view.after_dmb |= view.reads | view.writes
        case Dmb(domain, Accesses.LD) if wide(domain):
            # DMB LD orders earlier loads before later accesses.
            view.after_dmb |= view.returning
        case Dmb(domain, Accesses.ST) if wide(domain):
            # DMB ST orders earlier stores before later stores.
            view.after_dmb_st |= view.writes
        case Dsb(domain, Accesses.ALL):
            # DSB: every earlier access, walk and TLB maintenance is complete; no later instruction starts before
            # (B2.3.12).
            if wide(domain):
                view.after_dsb |= view.reads | view.writes | view.walks | view.invalidations
            view.own_after_dsb |= view.own_writes | view.own_invalidations
        case Dsb(domain, Accesses.LD) if wide(domain):
            # DSB LD waits for loads only: neither the descriptor's store nor a TLBI.
            view.after_dsb |= view.returning
        case Dsb(domain, Accesses.ST):
            # DSB ST waits for stores only: no TLBI.
            if wide(domain):
                view.after_dsb |= view.writes
            view.own_after_dsb |= view.own_writes
        case ContextSync("svc") if features.exs:
            # With SCTLR.EIS = 0 exception entry by SVC is not context synchronizing (FEAT_ExS).
            pass
        case ExceptionReturn() if features.exs:
            # With SCTLR.EOS = 0 exception return is not context synchronizing (FEAT_ExS).
            pass
        case ContextSync() | ExceptionReturn():
            synchronize(view, 0)
        case _:
            pass


def synchronize(view: View, extra: int) -> None:
    """Context synchronization: what is complete, resolved or translated so far is before all that follows, walks
    included.

    Instructions after the event are fetched and translated anew; before it, a DSB waited, branches and addresses were
    resolved and translations used (B2.3.12, D1.3.4). `extra` is what a faulting access adds: its walk and address.
    """
    resolved = view.control | view.pick_control | view.addresses | view.pick_addresses
    view.after_sync |= view.after_dsb | resolved | view.translated | extra
    view.own_after_sync |= view.own_after_dsb


def before_walk(view: View, address: int, pick: int, early: bool, features: Features) -> int:
    """Return what a translation table walk is ordered after. `early` is true if its access takes a fault that ETS
    orders.
    """
    # An address dependency, a context synchronization event; nothing else: the walk is taken early, on its own.
    mask = address | view.after_sync | view.own_after_sync
    if features.ets:
        # FEAT_ETS: a DSB orders later walks; a walk that faults comes after the accesses before it in program order.
        mask |= view.after_dsb | view.own_after_dsb
        if early:
            mask |= view.reads | view.writes
    return mask


def before_read(view: View, address: int, walk: int, location: int, order: Order) -> int:
    """Return what an explicit read effect is ordered after."""
    mask = address | walk | view.after_dmb | view.acquired | view.after_dsb | view.after_sync
    last = view.last.get(location)
    if last is not None:
        mask |= last.data  # data forwarded from a store needs that store's address and data (dependency-ordered-before)
    if order in ACQUIRES:
        mask |= view.releases  # a load-acquire comes after every earlier store-release
    if last is not None and last.rmw >= 0 and (order in ACQUIRES or order is Order.ACQUIRE_PC):
        mask |= 1 << last.rmw  # atomic-ordered-before
    return mask


def before_write(view: View, address: int, data: int, walk: int, location: int, order: Order) -> int:
    """Return what an explicit write effect is ordered after: it is never speculative. Pick dependencies count as
    well.
    """
    mask = address | data | walk | before_effect(view) | view.after_dmb | view.after_dmb_st | view.acquired
    mask |= view.addresses | view.pick_addresses | view.translated | view.same.get(location, 0)
    if order in RELEASES:
        mask |= view.reads | view.writes  # a store-release comes after every earlier access
    return mask


def before_effect(view: View) -> int:
    """Return what a TLBI (and every other effect that is not speculative) is ordered after, besides its operand."""
    return view.control | view.pick_control | view.after_dsb | view.after_sync


def before_fault(view: View, walk: int) -> int:
    """Return what the fault of an access is ordered after: what would order the access."""
    return walk | view.after_dmb | view.after_dmb_st | view.acquired | view.after_dsb | view.after_sync


def add_read(view: View, number: int, location: int, address: tuple[int, int], order: Order, returns: bool) -> None:
    """Record read `number`; `address` is what its address depends on (by data, by pick)."""
    bit = 1 << number
    view.reads |= bit
    if returns:
        view.returning |= bit
        if order in ACQUIRES or order is Order.ACQUIRE_PC:
            view.acquired |= bit  # later accesses come after a load-acquire; with no register written it is none
    _add_access(view, bit, location, address)


def add_write(view: View, number: int, location: int, address: tuple[int, int], order: Order, last: LastWrite) -> None:
    """Record write `number`, which the next own read of `location` may be forwarded from."""
    bit = 1 << number
    view.writes |= bit
    if order in RELEASES:
        view.releases |= bit
    view.last[location] = last
    _add_access(view, bit, location, address)


def _add_access(view: View, bit: int, location: int, address: tuple[int, int]) -> None:
    view.addresses |= address[0]
    view.pick_addresses |= address[1]
    view.same[location] = view.same.get(location, 0) | bit


def reaches(pe: int, domain: Shareability, domains: tuple[tuple[int, int], ...]) -> bool:
    """Whether barrier domain `domain` of `pe` holds every PE; `domains` gives each PE's inner and outer domain."""
    match domain:
        case Shareability.NSH:
            return len(domains) == 1
        case Shareability.ISH:
            return all(inner == domains[pe][0] for inner, _ in domains)
        case Shareability.OSH:
            return all(outer == domains[pe][1] for _, outer in domains)
        case _:
            return True
