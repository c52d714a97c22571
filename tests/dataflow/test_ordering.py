"""The ordering analysis on hand-made graphs: every defect beside its healthy twin."""

from __future__ import annotations

import pytest

from barrierlint.cfg.graph import RETURN, Cfg
from barrierlint.dataflow.ordering import analyse
from barrierlint.dataflow.relations import Relation
from barrierlint.dataflow.transfer import Settings
from barrierlint.events import (
    Access,
    Assign,
    Call,
    DescriptorWrite,
    Dsb,
    Event,
    ExceptionCall,
    Kind,
    Order,
    Shareability,
    Tlbi,
    Transition,
)
from barrierlint.rules import all_rules
from barrierlint.rules.rule import Rule
from barrierlint.terms import AddressOf, Apply, Element, Field, Name, Term, const
from tests.dataflow.graphs import (
    DMB,
    DSB,
    DSB_LD,
    ISB,
    NSH,
    assign,
    branching,
    call,
    program,
    read,
    straight,
    write,
)


def verdicts(*functions: Cfg) -> list[tuple[str, str]]:
    """(rule, relation) of each group found."""
    groups = analyse(program(*functions)).groups
    return [
        (next(r.info.id for r in all_rules() if isinstance(r, Rule) and r.speaks_of(g.shown)), g.shown.relation.name)
        for g in groups
    ]


@pytest.mark.parametrize(
    ("between", "rule"),
    [
        ((), "BL001"),
        ((ISB,), "BL001"),
        ((ISB, ISB), "BL001"),
        ((DMB,), "BL004"),
        ((DMB, ISB), "BL004"),
        ((DSB,), "BL002"),
        ((DSB, DSB), "BL002"),
        ((ISB, DSB), "BL003"),
        ((DSB_LD, ISB), "BL005"),
        ((ExceptionCall("svc"), DSB), "BL003"),
        ((DSB, ISB), ""),
        ((NSH, ISB), ""),
        ((DSB, DMB, ISB), ""),
        ((ISB, DSB, ISB), ""),
        ((DSB, ExceptionCall("svc")), ""),
    ],
)
def test_barriers_count_in_order(between: tuple[Event, ...], rule: str) -> None:
    """The table of SEMANTICS.md: what each sequence is worth between a make and a load."""
    maps = write(maps=Name("va"))
    found = verdicts(straight("f", "p va", maps, *between, read()))
    assert found == ([(rule, "EXACT")] if rule else [])


def test_a_barrier_on_one_branch_leaves_the_other() -> None:
    fast = Name("fast")
    shape = (
        ((write(maps=Name("va")),), {1: (fast, False), 2: (fast, True)}),
        ((DSB, ISB), {2: None}),
        ((read(),), {3: None}),
    )
    assert verdicts(branching("f", "p va fast", *shape)) == [("BL001", "EXACT")]


def test_a_flag_set_with_the_write_decides_the_barrier() -> None:
    flag, given = Name("flag"), Name("c")

    def function(last: bool) -> Cfg:
        return branching(
            "f",
            "p va c",
            ((assign("flag", const(0)),), {1: (given, True), 2: (given, False)}),
            ((write(maps=Name("va")), assign("flag", const(1))), {2: None}),
            ((), {3: (flag, last), 4: (flag, not last)}),
            ((DSB, ISB), {4: None}),
            ((read(),), {5: None}),
        )

    assert verdicts(function(True)) == []
    assert verdicts(function(False)) == [("BL001", "EXACT")]


def test_the_same_condition_tested_twice() -> None:
    c = Name("c")

    def function(second: bool) -> Cfg:
        return branching(
            "f",
            "p va c",
            ((), {1: (c, True), 2: (c, False)}),
            ((write(maps=Name("va")),), {2: None}),
            ((), {3: (c, second), 4: (c, not second)}),
            ((DSB, ISB), {4: None}),
            ((read(),), {5: None}),
        )

    assert verdicts(function(True)) == []
    assert verdicts(function(False)) == [("BL001", "EXACT")]


def test_an_access_before_the_write_never_depends_on_it() -> None:
    assert verdicts(straight("f", "p va", read(), write(maps=Name("va")), DSB, ISB)) == []


def test_unknown_mapping_and_a_pointer_parameter_cannot_be_told_apart() -> None:
    assert verdicts(straight("f", "p va", write(), read(), DSB, ISB)) == [("BL001", "POSSIBLE")]
    assert verdicts(straight("f", "p va", read(), write(), read(), DSB, ISB)) == []


def test_named_objects_and_the_table_itself_are_unrelated() -> None:
    other = Access(Kind.READ, AddressOf("g", "global"), into="%1")
    table = Access(Kind.READ, Element(Name("p"), const(3), 8), into="%2")
    assert verdicts(straight("f", "p", write(), other, table, DSB, ISB)) == []


def test_a_member_of_an_object_counts_only_where_the_debt_is_never_paid() -> None:
    member = Access(Kind.READ, Field(Name("dev"), "base"), into="%1")
    assert verdicts(straight("f", "p dev", write(), member, DSB, ISB)) == []
    assert verdicts(straight("f", "p dev", write(), member)) == [("BL001", "WEAK")]


def test_return_to_unknown_callers_is_a_boundary() -> None:
    assert verdicts(straight("f", "p", write())) == [("BL001", "BOUNDARY")]
    assert verdicts(straight("f", "p", write(), DSB)) == [("BL002", "BOUNDARY")]
    assert verdicts(straight("f", "p", write(), DSB, ISB)) == []


def test_a_caller_pays() -> None:
    inner = straight("set", "p", write())
    assert verdicts(inner, straight("f", "q", call("set", Name("q")), DSB, ISB)) == []
    assert verdicts(inner, straight("f", "q", call("set", Name("q")), DSB)) == [("BL002", "BOUNDARY")]


def test_a_callee_pays_and_a_callee_accesses() -> None:
    sync = straight("sync", "", DSB, ISB)
    half = straight("half", "", DSB)
    use = straight("use", "a", read("a"))
    first = write(maps=Name("va"))
    assert verdicts(sync, use, straight("f", "p va", first, call("sync"), call("use", Name("va")))) == []
    assert verdicts(half, use, straight("f", "p va", first, call("half"), call("use", Name("va")))) == [
        ("BL002", "EXACT")
    ]


def test_the_mapped_address_flows_through_returns_and_members() -> None:
    mapping = straight(
        "mmio_map", "p pa", write(maps=Name("pa")), assign(RETURN, Apply("+", (Name("pa"), const(4096))))
    )
    store = Access(Kind.WRITE, Field(Name("dev"), "base"), value=Name("%r"))
    again = Access(Kind.READ, Field(Name("dev"), "base"), into="%b")
    probe = straight("probe", "p pa dev", call("mmio_map", Name("p"), Name("pa"), into="%r"), store, again, read("%b"))
    assert verdicts(mapping, probe) == [("BL001", "EXACT")]
    fixed = straight(
        "mmio_map", "p pa", write(maps=Name("pa")), DSB, ISB, assign(RETURN, Apply("+", (Name("pa"), const(4096))))
    )
    assert verdicts(fixed, probe) == []


def test_recursion_ends_and_carries_the_debt() -> None:
    n = Name("n")

    def walk(*after: Event) -> Cfg:
        return branching(
            "walk",
            "p va n",
            ((), {1: (n, True), 2: (n, False)}),
            ((call("walk", Name("p"), Name("va"), Apply("-", (n, const(1)))),), {3: None}),
            ((write(maps=Name("va")),), {3: None}),
            (after, {4: None}),
        )

    user = straight("user", "p va", call("walk", Name("p"), Name("va"), const(3)), read())
    assert verdicts(walk(), user) == [("BL001", "EXACT")]
    assert verdicts(walk(DSB, ISB), user) == []


def test_one_barrier_after_a_loop_serves_every_write() -> None:
    i = Name("i")

    def loop(*after: Event) -> Cfg:
        slot = Element(Name("p"), i, 8)
        return branching(
            "f",
            "p n",
            ((assign("i", const(0)),), {1: None}),
            ((), {2: (Apply("<", (i, Name("n"))), True), 3: (Apply("<", (i, Name("n"))), False)}),
            ((DescriptorWrite(slot, const(0x713)), assign("i", Apply("+", (i, const(1))))), {1: None}),
            (after, {4: None}),
        )

    assert verdicts(loop(DSB, ISB)) == []
    assert verdicts(loop()) == [("BL001", "BOUNDARY")]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (None, const(0x713), "MAKE"),
        (const(0), const(0x713), "MAKE"),
        (const(0x703), const(0x713), "CHANGE"),
        (Name("v"), Name("w"), "UNKNOWN"),
        (None, Apply("|", (Name("pa"), const(3))), "MAKE"),
    ],
)
def test_transition_from_known_bits(old: Term | None, new: Term, expected: str) -> None:
    event = DescriptorWrite(Name("p"), new, old=old)
    groups = analyse(program(straight("f", "p v w pa", event))).groups
    assert [group.shown.leaf.transition for group in groups] == [Transition[expected].value]


def test_a_break_owes_an_invalidation() -> None:
    broken, tlbi = write(value=const(0), maps=Name("va")), Tlbi("vmalle1is")
    whole = Dsb(Shareability.ISH)
    for steps, rule in (
        ((), "BL101"),
        ((DSB, ISB), "BL101"),
        ((DSB, tlbi), "BL103"),
        ((DSB, tlbi, DSB, ISB), "BL103"),
        ((DSB, tlbi, DMB, ISB), "BL103"),
        ((DSB, tlbi, ISB, whole), "BL104"),
    ):
        assert verdicts(straight("f", "p va", broken, *steps, read())) == [(rule, "EXACT")], steps
    assert verdicts(straight("f", "p va", broken, DSB, tlbi, whole, ISB, read())) == []
    assert verdicts(straight("f", "p va", broken, DSB_LD, tlbi, whole, ISB, read())) == [("BL102", "EXACT")]


def test_a_failed_compare_exchange_wrote_nothing() -> None:
    done = Name("%ok")
    event = DescriptorWrite(Name("p"), const(0x713), maps=Name("va"), op="compare-exchange", into="%ok")

    def function(sync_on: bool) -> Cfg:
        return branching(
            "f",
            "p va",
            ((event,), {1: (done, sync_on), 2: (done, not sync_on)}),
            ((DSB, ISB), {2: None}),
            ((read(),), {3: None}),
        )

    assert verdicts(function(True)) == []
    assert verdicts(function(False)) == [("BL001", "EXACT")]


def test_the_kernel_half_of_linux_set_pte() -> None:
    """`if (pte_valid_not_user(pte)) { dsb(ishst); isb(); }` after the store is enough; without the ISB it is not."""
    v = Name("v")
    valid_kernel = Apply("==", (Apply("&", (v, const(0x41))), const(1)))

    def set_pte(*barriers: Event) -> Cfg:
        return branching(
            "set_pte",
            "p v",
            (
                (DescriptorWrite(Name("p"), v, order=Order.VOLATILE),),
                {1: (valid_kernel, True), 2: (valid_kernel, False)},
            ),
            (barriers, {2: None}),
        )

    assert verdicts(set_pte(DSB, ISB)) == []
    assert verdicts(set_pte(DSB)) == [("BL002", "BOUNDARY")]


def test_a_store_into_a_walked_table_is_a_descriptor_write() -> None:
    index = Apply("&", (Apply(">>", (Name("va"), const(12))), const(511)))
    store = Access(Kind.WRITE, Element(Name("table"), index, 8), value=Apply("|", (Name("pa"), const(0x713))))
    assert verdicts(straight("f", "table va pa", store, read())) == [("BL001", "EXACT")]
    assert verdicts(straight("f", "table va pa", store, DSB, ISB, read())) == []
    plain = Access(Kind.WRITE, Element(Name("table"), Name("i"), 8), value=Apply("|", (Name("pa"), const(0x713))))
    assert verdicts(straight("f", "table va pa i", plain, read())) == []


def test_unseen_calls_are_no_barriers_and_use_the_address_only_if_nobody_pays() -> None:
    unseen = Call("", "use", (Name("va"),))
    assert verdicts(straight("f", "p va", write(maps=Name("va")), unseen)) == [("BL001", "WEAK")]
    assert verdicts(straight("f", "p va", write(maps=Name("va")), unseen, DSB, ISB)) == []


def test_what_was_known_of_an_earlier_turn_is_forgotten() -> None:
    """`while (n--) { pa = allocate(); if (!pa) return; map(pa); } sync();`: the second allocation may fail."""
    pa = Name("pa")

    def function(*on_failure: Event) -> Cfg:
        return branching(
            "f",
            "p n",
            ((), {1: None}),
            ((Call("", "allocate", (), "pa"),), {2: None}),
            ((), {4: (pa, False), 3: (pa, True)}),
            (
                (
                    DescriptorWrite(Name("p"), Apply("|", (pa, const(0x703)))),
                    Assign("n", Apply("-", (Name("n"), const(1)))),
                ),
                {1: (Name("n"), True), 5: (Name("n"), False)},
            ),
            (on_failure, {6: None}),
            ((DSB, ISB), {6: None}),
        )

    assert verdicts(function()) == [("BL001", "BOUNDARY")]
    assert verdicts(function(DSB, ISB)) == []


def test_the_index_of_the_place_handed_in_tells_what_is_mapped() -> None:
    index = Apply("&", (Apply(">>", (Name("va"), const(12))), const(511)))
    setter = straight("set", "p v", Access(Kind.WRITE, Name("p"), value=Name("v")))
    user = straight(
        "f", "t va pa", call("set", Element(Name("t"), index, 8), Apply("|", (Name("pa"), const(3)))), read()
    )
    assert verdicts(setter, user) == [("BL001", "EXACT")]
    other = straight(
        "f", "t i pa va", call("set", Element(Name("t"), Name("i"), 8), Apply("|", (Name("pa"), const(3)))), read()
    )
    assert verdicts(setter, other) == []


def test_the_mapped_address_is_found_in_a_member_the_callee_reads() -> None:
    get = straight("get", "m", Access(Kind.READ, Field(Name("m"), "va"), into="%a"), read("%a"))
    here = AddressOf("f#m#1")
    store = Access(Kind.WRITE, Field(here, "va"), value=Name("va"))
    user = straight("f", "p va", store, write(maps=Name("va")), call("get", here))
    assert verdicts(get, user) == [("BL001", "EXACT")]


def test_callers_that_pay_make_the_others_the_debtors() -> None:
    inner = straight("set", "p", write())
    good = straight("good", "q", call("set", Name("q")), DSB, ISB)
    better = straight("better", "q", call("set", Name("q")), DSB, ISB)
    bad = straight("bad", "q", call("set", Name("q")))
    worse = straight("worse", "q", call("set", Name("q")), DSB)
    groups = analyse(program(inner, good, better, bad, worse)).groups
    assert sorted(group.owes.function for group in groups) == ["bad", "worse"]
    alone = analyse(program(inner, bad, worse)).groups
    assert sorted(group.owes.function for group in alone) == ["set", "worse"], "a DSB of its own, but no ISB after it"


def test_relations_are_ordered() -> None:
    assert Relation.EXACT < Relation.POSSIBLE < Relation.WEAK < Relation.BOUNDARY


@pytest.mark.parametrize(
    ("op", "operand", "found"), [("or", 3, "BL001"), ("and", ~1, "BL101"), ("andnot", 1, "BL101"), ("swap", 3, "BL001")]
)
def test_a_fetch_and_operate_on_an_entry_is_judged_by_what_it_leaves(op: str, operand: int, found: str) -> None:
    index = Apply("&", (Apply(">>", (Name("va"), const(12))), const(511)))
    event = Access(Kind.RMW, Element(Name("t"), index, 8), value=const(operand), into="%o", op=op)
    assert [rule for rule, _ in verdicts(straight("f", "t va", event, read()))] == [found]


@pytest.mark.parametrize(
    ("taken_for", "before_barriers", "without_barriers"),
    [("ignore", [], ["BOUNDARY"]), ("assume-access", ["POSSIBLE"], ["POSSIBLE"]), ("assume-sync", [], [])],
)
def test_what_calls_of_unseen_functions_are_taken_for(
    taken_for: str, before_barriers: list[str], without_barriers: list[str]
) -> None:
    settings = Settings(unknown_calls=taken_for)
    unseen = Call("", "elsewhere", ())
    for rest, expected in (((DSB, ISB), before_barriers), ((), without_barriers)):
        found = analyse(program(straight("f", "p va", write(maps=Name("va")), unseen, *rest)), settings).groups
        assert [group.shown.relation.name for group in found] == expected


def test_the_old_value_tells_whether_a_compare_exchange_wrote() -> None:
    """`if (__sync_val_compare_and_swap(p, 0, v) != 0) return; dsb; isb;`: on the failure path nothing was written."""
    told, old = Name("%told"), Name("%old")
    event = DescriptorWrite(Name("p"), const(0x713), op="cas", into="%told", expected=const(0))

    def function(wrote_nothing: bool) -> Cfg:
        failed = Apply("!=", (old, const(0)))
        return branching(
            "f",
            "p",
            (
                (event, Assign("%old", Apply("?:", (told, const(0), Name("%other"))))),
                {1: (failed, not wrote_nothing), 2: (failed, wrote_nothing)},
            ),
            ((DSB, ISB), {2: None}),
            ((), {3: None}),
        )

    assert verdicts(function(True)) == []
    assert verdicts(function(False)) == [("BL001", "BOUNDARY")]


def test_a_store_through_what_a_table_accessor_returns_is_a_descriptor_write() -> None:
    fetch = Call("", "table_of", (Name("i"),), "%t")
    store = Access(Kind.WRITE, Element(Name("%t"), Name("i"), 8), value=Apply("|", (Name("pa"), const(3))))
    function = program(straight("f", "i pa", fetch, store))
    named = Settings(accessors=frozenset({"table_of"}))
    assert [g.shown.relation.name for g in analyse(function, named).groups] == ["BOUNDARY"]
    assert analyse(function).groups == ()
