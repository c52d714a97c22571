"""Builtins, intrinsics and atomics: a table of calls, each with the events it is."""

from __future__ import annotations

import pytest

from barrierlint.cfg.intrinsics import lower
from barrierlint.cfg.intrinsics_names import canonical
from barrierlint.events import Access, Assign, Kind, Order, SysregRead, SysregWrite, UnknownInstruction, mnemonic
from barrierlint.source.tree import Type
from barrierlint.terms import MASK64, AddressOf, Apply, Const, Field, Name, Term, Unknown, const

P, E, V = Name("p"), Name("e"), Name("v")
U64 = Type("unsigned long", "u64", "integer", 8)
U32 = Type("unsigned int", "u32", "integer", 4)
POINTER32 = Type("unsigned int *", "u32 *", "pointer", 8, element=U32)

SAID: dict[tuple[object, ...], str] = {
    ("__builtin_arm_dsb", 11): "Dsb ish",
    ("__builtin_arm_dmb", 9): "Dmb ishld",
    ("__builtin_arm_isb", 15): "ContextSync isb",
    ("__dsb", 10): "Dsb ishst",
    ("__dmb", 15): "Dmb sy",
    ("__isb", 15): "ContextSync isb",
    ("_dsb", 15): "Dsb sy",
    ("__dsb", V): "UnknownInstruction dsb with an option that is not constant",
    ("__builtin_arm_dsb", 99): "UnknownInstruction dsb #99",
    ("__sync_synchronize",): "Dmb ish",
    ("__atomic_thread_fence", 5): "Dmb ish",
    ("__atomic_thread_fence", 2): "Dmb ishld",
    ("__atomic_thread_fence", 0): "",
    ("__c11_atomic_thread_fence", 3): "Dmb ish",
    ("atomic_thread_fence", 4): "Dmb ish",
    ("std::atomic_thread_fence", 1): "Dmb ishld",
    ("std::atomic_thread_fence", V): "UnknownInstruction std::atomic_thread_fence with an order that is not constant",
    ("std::atomic_signal_fence", 5): "CompilerBarrier",
    ("__atomic_signal_fence", 5): "CompilerBarrier",
    ("__atomic_load_n", P, 2): "Access read acquire",
    ("__atomic_load", P, E, 0): "Access read relaxed, Access write",
    ("__atomic_store_n", P, V, 3): "Access write release",
    ("__atomic_store", P, E, 5): "Access read, Access write seq_cst",
    ("__atomic_exchange_n", P, V, 4): "Access rmw acq_rel",
    ("__atomic_exchange", P, E, Name("r"), 0): "Access read, Access rmw relaxed, Access write",
    ("__atomic_compare_exchange_n", P, E, V, 0, 2, 0): "Access read, Access rmw acquire, Access write, Assign",
    (
        "__atomic_compare_exchange",
        P,
        E,
        V,
        1,
        5,
        0,
    ): "Access read, Access read, Access rmw seq_cst, Access write, Assign",
    ("__atomic_fetch_or", P, V, 0): "Access rmw relaxed",
    ("__atomic_or_fetch", P, V, 3): "Access rmw release, Assign",
    ("__atomic_fetch_nand", P, V, 5): "Access rmw seq_cst",
    ("__atomic_test_and_set", P, 2): "Access rmw acquire",
    ("__atomic_clear", P, 3): "Access write release",
    ("__atomic_fetch_add_8", P, V, 5): "Access rmw seq_cst",
    ("__c11_atomic_load", P, 5): "Access read seq_cst",
    ("__c11_atomic_store", P, V, 0): "Access write relaxed",
    ("__c11_atomic_init", P, V): "Access write",
    ("__c11_atomic_compare_exchange_strong", P, E, V, 5, 0): "Access read, Access rmw seq_cst, Access write, Assign",
    ("__sync_fetch_and_or", P, V): "Access rmw seq_cst",
    ("__sync_and_and_fetch_8", P, V): "Access rmw seq_cst, Assign",
    ("__sync_val_compare_and_swap_8", P, E, V): "Access rmw seq_cst",
    ("__sync_bool_compare_and_swap", P, E, V): "Access rmw seq_cst, Assign",
    ("__sync_lock_test_and_set_4", P, V): "Access rmw acquire",
    ("__sync_lock_release", P): "Access write release",
    ("atomic_load", P): "Access read seq_cst",
    ("atomic_load_explicit", P, 0): "Access read relaxed",
    ("atomic_store_explicit", P, V, 3): "Access write release",
    ("atomic_fetch_and", P, V): "Access rmw seq_cst",
    ("atomic_flag_test_and_set", P): "Access rmw seq_cst",
    ("std::atomic<unsigned long>::load", P, 1): "Access read acquire",
    ("std::atomic<unsigned long>::load", P): "Access read seq_cst",
    ("std::__1::atomic<unsigned long>::store", P, V, 3): "Access write release",
    ("std::__atomic_base<unsigned long>::store", P, V): "Access write seq_cst",
    ("std::atomic<mmu::pt_element<1>>::exchange", P, V): "Access rmw seq_cst",
    (
        "std::atomic<mmu::pt_element<1> >::compare_exchange_strong",
        P,
        E,
        V,
        0,
    ): "Access read, Access rmw relaxed, Access write, Assign",
    ("std::atomic<int>::compare_exchange_weak", P, E, V, 4, 2): "Access read, Access rmw acq_rel, Access write, Assign",
    ("std::atomic<int>::fetch_xor", P, V, 0): "Access rmw relaxed",
    ("std::atomic<int>::operator=", P, V): "Access write seq_cst, Assign",
    ("std::atomic<int>::operator int", P): "Access read seq_cst",
    ("std::__atomic_base<long>::operator std::__atomic_base<long>::__int_type", P): "Access read seq_cst",
    ("std::atomic<int>::operator++", P): "Access rmw seq_cst, Assign",
    ("std::atomic<int>::operator++", P, 0): "Access rmw seq_cst",
    ("std::atomic<unsigned long>::operator|=", P, V): "Access rmw seq_cst, Assign",
    ("std::atomic_flag::test_and_set", P, 2): "Access rmw acquire",
    ("std::atomic_flag::clear", P): "Access write seq_cst",
    ("std::atomic_ref<unsigned long>::store", P, V, 3): "Access read, Access write release",
    ("std::atomic_ref<unsigned long>::atomic_ref", P, V): "Access write",
    ("std::atomic_store_explicit", P, V, 3): "Access write release",
    ("std::atomic_exchange", P, V): "Access rmw seq_cst",
    ("memset", P, 0, 4096): "Access write, Assign",
    ("__builtin_memcpy", P, E, V): "Access read, Access write, Assign",
    ("memmove", P, E, 8): "Access read, Access write, Assign",
    ("bzero", P, 64): "Access write",
    ("__builtin___clear_cache", P, E): "CacheMaintenance clear_cache",
    ("__builtin_prefetch", P): "",
    ("__builtin_assume", V): "",
    ("__builtin_arm_wfi",): "",
    ("__builtin_expect", V, 1): "Assign",
    ("__builtin_popcountl", V): "Assign",
    ("std::move<int &>", V): "Assign",
    ("__builtin_add_overflow", V, V, P): "Access write, Assign",
}


def call(name: str, *args: object, types: tuple[Type, ...] = ()) -> tuple[object, ...]:
    terms: list[Term] = [const(arg) if isinstance(arg, int) else arg for arg in args]  # type: ignore[misc]
    return lower(name, terms, types=types, into="result") or ()


@pytest.mark.parametrize("row", SAID, ids=str)
def test_calls(row: tuple[object, ...]) -> None:
    events = call(*row)  # type: ignore[arg-type]
    assert ", ".join(mnemonic(event) for event in events) == SAID[row]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name", ["flush", "atomic_set64", "std::atomic<int>::is_lock_free", "std::vector<int>::load", "my::atomic::store"]
)
def test_other_names_mean_nothing_here(name: str) -> None:
    assert lower(name, [P, V]) is None


@pytest.mark.parametrize(
    "name", ["__builtin_unreachable", "__builtin_trap", "dsb", "isb", "__builtin_malloc", "std::atomic<int>::~atomic"]
)
def test_names_left_to_others(name: str) -> None:
    assert lower(name, [P]) is None


@pytest.mark.parametrize(
    ("order", "wanted"), list(enumerate(["relaxed", "acquire", "acquire", "release", "acq_rel", "seq_cst"]))
)
def test_orders(order: int, wanted: str) -> None:
    (event,) = call("__atomic_exchange_n", P, V, order)
    assert isinstance(event, Access)
    assert event.order.value == wanted


def test_an_order_that_is_not_constant_promises_nothing() -> None:
    (event,) = call("__atomic_store_n", P, V, Name("order"))
    assert isinstance(event, Access)
    assert event.order is Order.RELAXED


def test_compare_exchange_binds_success_and_writes_back() -> None:
    read, swap, back, bound = call("std::atomic<unsigned long>::compare_exchange_strong", P, E, V)
    assert isinstance(read, Access)
    assert isinstance(swap, Access)
    assert isinstance(back, Access)
    assert (read.address, swap.address, back.address) == (E, P, E)
    assert (swap.kind, swap.op, swap.expected, swap.value) == (Kind.RMW, "cas", Name(read.into or ""), V)
    assert back.value == Name(swap.into or "")
    assert bound == Assign("result", Apply("==", (Name(swap.into or ""), Name(read.into or ""))))


def test_sync_compare_and_swap_returns_old_value_or_truth() -> None:
    (swap,) = call("__sync_val_compare_and_swap_8", P, E, V)
    assert isinstance(swap, Access)
    assert (swap.into, swap.expected, swap.value, swap.size) == ("result", E, V, 8)
    swap, bound = call("__sync_bool_compare_and_swap_4", P, E, V)
    assert isinstance(swap, Access)
    assert swap.size == 4
    assert bound == Assign("result", Apply("==", (Name(swap.into or ""), E)))


def test_new_value_forms_compute_it() -> None:
    swap, bound = call("__atomic_or_fetch", P, 1, 0)
    assert isinstance(swap, Access)
    assert (swap.op, swap.value) == ("or", Const(1))
    assert bound == Assign("result", Apply("|", (Name(swap.into or ""), Const(1))))


def test_sizes_come_from_types_or_names() -> None:
    assert [
        e.size for e in call("__atomic_store_n", P, V, 0, types=(POINTER32, U32, U32)) if isinstance(e, Access)
    ] == [4]
    assert [e.size for e in call("__sync_fetch_and_add_2", P, V) if isinstance(e, Access)] == [2]
    record = Type("std::atomic<unsigned int>", "std::atomic<unsigned int>", "record", 4)
    assert [e.size for e in call("std::atomic<unsigned int>::load", P, types=(record,)) if isinstance(e, Access)] == [4]


def test_pointer_arithmetic_of_atomics_is_scaled() -> None:
    atomic = Type("_Atomic(unsigned int *)", "", "pointer", 8, atomic=True, element=U32)
    (event,) = call("atomic_fetch_add", P, 3, types=(Type("", "", "pointer", 8, element=atomic), U64))
    assert isinstance(event, Access)
    assert event.value == Const(12)


def test_fills_and_copies() -> None:
    def stored(*row: object) -> tuple[Term | None, int]:
        event = next(e for e in call(*row) if isinstance(e, Access) and e.kind is Kind.WRITE)  # type: ignore[arg-type]
        return event.value, event.size

    assert stored("memset", P, 0, 4096) == (Const(0), 4096)
    assert stored("memset", P, 0xFF, 8) == (Const(MASK64), 8)
    assert isinstance(stored("memset", P, 0xFF, 4096)[0], Unknown)
    assert stored("memset", P, 0, V) == (Const(0), 0)
    assert stored("memcpy", P, E, 16)[1] == 16


def test_system_registers_by_name_and_encoding() -> None:
    name = AddressOf("ttbr0_el1", "string")
    assert lower("__arm_wsr64", [name, V]) == (SysregWrite("ttbr0_el1", V),)
    assert lower("__builtin_arm_rsr64", [Name("s")], into="r", strings=["3:0:1:0:0"]) == (SysregRead("sctlr_el1", "r"),)
    assert lower("__arm_wsr", [Name("s"), V]) == (SysregWrite("?", V),)


def test_passed_through_and_folded() -> None:
    assert call("__builtin_expect", V, 1) == (Assign("result", V),)
    assert call("std::forward<u64>", V) == (Assign("result", V),)
    assert call("__builtin_ctzll", 4096) == (Assign("result", Const(12)),)
    assert call("__builtin_clzl", 1) == (Assign("result", Const(63)),)
    assert call("__builtin_bswap32", 0x11223344) == (Assign("result", Const(0x44332211)),)
    assert call("operator new", 8, Field(P, "slot")) == (Assign("result", Field(P, "slot")),)


def test_wrong_argument_counts_are_reported() -> None:
    assert [type(event) for event in call("__atomic_store_n", P)] == [UnknownInstruction]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("std::__1::atomic<std::pair<int, int>>::load", "std::atomic::load"),
        ("std::__atomic_base<unsigned long>::operator++", "std::atomic::operator++"),
        ("std::atomic_uint64_t::store", "std::atomic::store"),
        ("std::__cxx11::basic_string<char>::size", "std::basic_string::size"),
        ("::std::atomic<a<b>>::operator<<", "std::atomic::operator<<"),
        ("mine::atomic<int>::load", "mine::atomic<int>::load"),
    ],
)
def test_canonical_names(name: str, wanted: str) -> None:
    assert canonical(name) == wanted
