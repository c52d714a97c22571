"""Models: each primitive read back, each mistake told with its line and column."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from barrierlint.cfg.asm import unknown_instruction
from barrierlint.events import Order, Transition
from barrierlint.models import ModelError, Models, Place, detect, load, shipped

TEXT = """\
name: mine
description: A model for tests.
files: [mm/table.h]
descriptors:
  - type: mmu::entry<*>
  - {type: pte_t, note: the kernel's own}
functions:
  - match: mmu::slot<*>::write
    writes: {location: this->p, value: arg0.raw, transition: make, order: release}
  - match: mmu::slot<*>::swap
    writes: {location: "*arg0", value: arg1, old: arg2, op: compare-exchange, maps: arg3, length: 0x1000}
  - match: atomic_put
    access: {location: arg0, value: arg1, op: exchange, size: 4, order: relaxed}
  - match: flush_*
    does: dsb ishst; tlbi vmalle1is; dsb ish; isb
  - match: quiesce
    drain: true
  - match: rcu_sync
    drain: grace period
  - match: root_of
    returns: table
  - match: map_device
    maps: {address: result, length: arg1}
  - match: early_map
    exempt: the MMU is off
  - match: die
    noreturn: true
  - match: zeroed_table
    returns: zeroed-table
  - match: page_free
    frees: "*arg1"
  - match: on_each
    calls: arg0
  - {match: might_sleep, preempts: true}
  - {match: switch_to, switches: true}
policies:
  - {function: early_*, tables: offline, reason: the MMU is off}
  - {type: percpu_entry, tables: offline, reason: a copy}
  - {function: own_*, tables: this-pe, leaves: eret, defers: later, reason: its own}
  - {flag: need_flush, reason: the unlocker looks}
exempt:
  - {function: boot::*, reason: runs before the MMU}
  - {type: mmu::user_entry<*>, reason: user tables}
  - unless: {mask: 0x41, equals: 1}
    reason: user
unknown_calls: assume-access
barrier_idiom: {dsb_ishst: "dsb(ishst);", isb: "isb();"}
"""


def read(tmp_path: Path, text: str = TEXT) -> Models:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return load([str(path)], unknown_instruction)


def test_writes(tmp_path: Path) -> None:
    found = read(tmp_path).function("mmu::slot<0>::write")
    assert found is not None
    assert found.name == "mine"
    assert found.writes is not None
    assert found.writes.location == Place("this", 0, ("->p",), "this->p")
    assert found.writes.value == Place("arg", 0, (".raw",), "arg0.raw")
    assert (found.writes.transition, found.writes.op, found.writes.order) == (Transition.MAKE, "write", Order.RELEASE)
    assert found.place.endswith("mine.yaml:8:12")


def test_compare_exchange_and_loads(tmp_path: Path) -> None:
    found = read(tmp_path).function("mmu::slot<mmu::level<2>>::swap")
    assert found is not None
    assert found.writes is not None
    assert found.writes.location == Place("arg", 0, ("*",), "*arg0")
    assert found.writes.old == Place("arg", 2, (), "arg2")
    assert found.writes.length == Place("const", 4096, (), "0x1000")
    assert (found.writes.transition, found.writes.op) == (Transition.UNKNOWN, "compare-exchange")


def test_other_primitives(tmp_path: Path) -> None:
    models = read(tmp_path)
    put, flush = models.function("atomic_put"), models.function("flush_all")
    assert put is not None
    assert put.access is not None
    assert (put.access.op, put.access.size, put.access.order) == ("exchange", 4, Order.RELAXED)
    assert flush is not None
    assert flush.does == ("dsb ishst", "tlbi vmalle1is", "dsb ish", "isb")
    drains = [found.drain for name in ("quiesce", "rcu_sync") if (found := models.function(name))]
    assert drains == ["quiesce", "grace period"]
    table, device = models.function("root_of"), models.function("map_device")
    assert table is not None
    assert table.returns_table
    assert not flush.returns_table
    assert device is not None
    assert device.maps is not None
    assert (device.maps.address.base, device.maps.length) == ("result", Place("arg", 1, (), "arg1"))
    die = models.function("die")
    assert die is not None
    assert die.noreturn
    assert models.function("unheard_of") is None


def test_what_functions_do_to_pages_and_threads(tmp_path: Path) -> None:
    models = read(tmp_path)
    table, free = models.function("zeroed_table"), models.function("page_free")
    assert table is not None
    assert (table.returns_table, table.returns_zeroed) == (True, True)
    assert free is not None
    assert free.frees == Place("arg", 1, ("*",), "*arg1")
    each, sleep, switch = (models.function(name) for name in ("on_each", "might_sleep", "switch_to"))
    assert each is not None
    assert each.calls == Place("arg", 0, (), "arg0")
    assert sleep is not None
    assert switch is not None
    assert (sleep.preempts, sleep.switches, switch.preempts, switch.switches) == (True, False, False, True)


def test_policies(tmp_path: Path) -> None:
    models = read(tmp_path)
    (early,) = models.policies("early_setup")
    assert (early.tables, early.reason) == ("offline", "the MMU is off")
    assert models.exempt_function("early_setup") == ""
    assert models.exempt_type("percpu_entry") == "a copy"
    (own,) = models.policies("own_window")
    assert (own.tables, own.leaves, own.defers) == ("this-pe", "eret", "later")
    assert models.exempt_function("own_window") == ""
    assert models.policies("other") == ()
    assert [glob.text for glob in models.flags] == ["need_flush"]


def test_exemptions(tmp_path: Path) -> None:
    models = read(tmp_path)
    assert models.exempt_function("boot::map") == "runs before the MMU"
    assert models.exempt_function("early_map") == "the MMU is off"
    assert models.exempt_function("mmu::map") == ""
    assert models.exempt_type("const mmu::user_entry<1> &") == ""
    assert models.exempt_type("const mmu::user_entry<1>") == "user tables"
    (test,) = models.exempt_values
    assert (test.mask, test.equals, test.reason) == (0x41, 1, "user")


def test_descriptor_types(tmp_path: Path) -> None:
    models = read(tmp_path)
    evidence = "declared in the model mine: mmu::entry<*>"
    for name in ("mmu::entry<0>", "volatile mmu::entry<1 >", "struct mmu::entry<2>", "std::atomic<mmu::entry<1> >"):
        assert models.descriptor_type(name, "") == evidence, name
    assert models.descriptor_type("u64", "mmu::entry<0>") == evidence
    assert models.descriptor_type("pte_t", "unsigned long") == "declared in the model mine: pte_t"
    assert models.descriptor_type("_Atomic(pte_t)") == "declared in the model mine: pte_t"
    for name in ("unsigned long", "mmu::entry<0> *", "mmu::entry_pointer<0>", "my_pte_t"):
        assert models.descriptor_type(name, name) is None, name


def test_settings(tmp_path: Path) -> None:
    models = read(tmp_path)
    assert models.names == ("mine",)
    assert models.unknown_calls == "assume-access"
    assert models.barrier_idiom == {"dsb_ishst": "dsb(ishst);", "isb": "isb();"}
    assert Models().unknown_calls == "ignore"
    assert Models().function("x") is None


@pytest.mark.parametrize(
    "name",
    ["flush_tlb", "flush_tlb(int, void (*)(int))", "::flush_tlb", "flush_x<int>", "flush_ tlb"],
)
def test_spellings_of_a_function(tmp_path: Path, name: str) -> None:
    assert read(tmp_path).function(name) is not None


@pytest.mark.parametrize("name", ["mmu::flush_tlb", "tlb_flush_", "boot::flush", "mmu::slot::written", "Flush_all"])
def test_a_name_is_matched_as_a_whole(tmp_path: Path, name: str) -> None:
    assert read(tmp_path).function(name) is None


def test_template_arguments_may_be_left_out(tmp_path: Path) -> None:
    text = "name: m\nfunctions:\n  - {match: mmu::slot::write, drain: true}\n  - {match: 'a::operator<', drain: true}\n"
    models = read(tmp_path, text)
    assert models.function("mmu::slot<mmu::level<1>>::write") is not None
    assert models.function("a<int>::operator<") is not None


def test_first_model_wins_and_first_entry_wins(tmp_path: Path) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text("name: one\nfunctions: [{match: f, drain: a}, {match: 'f*', drain: b}]\nbarrier_idiom: {isb: ISB}\n")
    two.write_text(
        "name: two\nfunctions: [{match: f, drain: c}, {match: g, drain: d}]\nbarrier_idiom: {isb: i, dsb_ish: d}\n"
    )
    models = load([str(one), str(two)])
    drains = [found.drain for name in ("f", "ff", "g") if (found := models.function(name))]
    assert drains == ["a", "b", "d"]
    assert models.barrier_idiom == {"isb": "ISB", "dsb_ish": "d"}
    assert load([str(two), str(one)]).function("f").drain == "c"  # type: ignore[union-attr]


MISTAKES = {
    "": "1:1: empty",
    "- a": "1:1: expected a mapping, found a list",
    "nam: x": "1:1: unknown key 'nam'; did you mean 'name'?",
    "description: x": "1:1: 'name' is missing",
    "name: x\nname: y": "2:1: 'name' is given twice",
    "name: [x": "not YAML",
    "name: x\n\tfiles: y": "2:1: not YAML",
    "name: &a [*a]": "1:1: its aliases (`*name`) stand for too much",
    "name:": "expected text, found nothing",
    "name: x\nfiles: a.c": "2:8: expected a list, found text",
    "name: x\nfunctions:\n  - match: f": "3:5: this entry says nothing of the function",
    "name: x\nfunctions:\n  - {match: f, dose: isb}": "3:16: unknown key 'dose'; did you mean 'does'?",
    "name: x\nfunctions:\n  - {match: '*', drain: true}": "3:13: '*' matches everything",
    "name: x\nfunctions:\n  - {match: f, does: dsb ishts}": "3:22: 'dsb ishts' is not an instruction that is known",
    "name: x\nfunctions:\n  - {match: f, does: ';'}": "3:22: no instruction",
    "name: x\nfunctions:\n  - {match: f, does: isb, drain: true}": "exclude each other",
    "name: x\nfunctions:\n  - {match: f, writes: {value: arg0}}": "3:24: 'location' is missing",
    "name: x\nfunctions:\n  - {match: f, writes: {location: arg}}": "3:35: 'arg' is no operand",
    "name: x\nfunctions:\n  - {match: f, writes: {location: result}}": "the result is not known before the call",
    "name: x\nfunctions: [{match: f, writes: {location: this, transition: mak}}]": "'mak' is not one of",
    "name: x\nfunctions: [{match: f, writes: {location: this, op: compare-exchange}}]": "needs 'old'",
    "name: x\nfunctions:\n  - {match: f, access: {location: arg0}}": "the operation write needs 'value'",
    "name: x\nfunctions:\n  - {match: f, noreturn: maybe}": "expected true or false, found text",
    "name: x\nfunctions:\n  - {match: f, returns: tabel}": "did you mean 'table'?",
    "name: x\npolicies:\n  - {function: f, tables: offline}": "3:5: 'reason' is missing",
    "name: x\npolicies:\n  - {function: f, flag: g, reason: r}": "exactly one of function, type, flag",
    "name: x\npolicies:\n  - {function: f, reason: r}": "this policy says nothing of the function",
    "name: x\npolicies:\n  - {flag: f, defers: d, reason: r}": "'defers' says nothing of a flag",
    "name: x\npolicies:\n  - {function: f, tables: online, reason: r}": "'online' is not one of",
    "name: x\nfunctions:\n  - {match: f, preempts: 1}": "expected true or false",
    "name: x\nexempt:\n  - {function: f}": "3:5: 'reason' is missing",
    "name: x\nexempt:\n  - {function: f, type: t, reason: r}": "exactly one of function, type, unless",
    "name: x\nexempt:\n  - {unless: {mask: 1, equals: 2}, reason: r}": "bits outside of the mask",
    "name: x\nexempt:\n  - {unless: {mask: -1, equals: 0}, reason: r}": "does not fit 64 bits",
    "name: x\nexempt:\n  - {unless: {mask: bit0, equals: 0}, reason: r}": "'bit0' is not a number",
    "name: x\nunknown_calls: ingore": "2:16: 'ingore' is not one of ignore, assume-access, assume-sync; did you mean",
    "name: x\nbarrier_idiom: {dsb: x}": "'dsb' is no barrier",
    "name: !!python/object/apply:os.system [true]": "1:7: expected text",
    "name: x\u0000": "not YAML",
}


@pytest.mark.parametrize("text", MISTAKES, ids=lambda text: repr(text)[:60])
def test_mistakes_are_one_line_with_a_place(tmp_path: Path, text: str) -> None:
    with pytest.raises(ModelError) as caught:
        read(tmp_path, text)
    message = str(caught.value)
    assert re.match(r".*mine\.yaml:\d+:\d+: ", message)
    assert "\n" not in message
    assert MISTAKES[text] in message


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"name: \xff\xfe")
    (tmp_path / "large.yaml").write_bytes(b"#" * 1_000_001)
    for name, text in [
        ("none.yaml", "cannot be read"),
        ("binary.yaml", "not UTF-8"),
        ("large.yaml", "larger than"),
        ("", "cannot be read"),
    ]:
        with pytest.raises(ModelError, match=text):
            load([f"{tmp_path}/{name}"])
    with pytest.raises(ModelError, match="no such model; did you mean 'osv'"):
        load(["osw"])


# --- shipped models ----------------------------------------------------------------------------------------------


def test_shipped_models_are_valid() -> None:
    assert {"osv", "linux-arm64", "haiku"} <= set(shipped())
    for name in shipped():
        models = load([name], unknown_instruction)
        assert models.names == (name,)
        assert models.models[0].description
        assert models.models[0].files


@pytest.mark.parametrize("name", shipped())
def test_detection_by_files(tmp_path: Path, name: str) -> None:
    files = load([name]).models[0].files
    for file in files[:-1]:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    assert name not in detect(tmp_path)
    (tmp_path / files[-1]).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / files[-1]).touch()
    assert detect(tmp_path) == (name,)
    assert detect(tmp_path / files[-1]) == (name,)
    (tmp_path / files[-1]).parent.joinpath(".git").mkdir()
    assert detect((tmp_path / files[-1]).parent) == ()


def test_osv_knows_its_writes_and_flushes() -> None:
    osv = load(["osv"])
    rows = {
        "mmu::hw_ptep_impl<0>::write": ("write", "this->p"),
        "mmu::hw_ptep_rcu_impl<1>::write": ("write", "this->x"),
        "mmu::hw_ptep<2>::exchange": ("exchange", "this->x"),
        "mmu::hw_ptep<2>::compare_exchange": ("compare-exchange", "this->x"),
    }
    for name, wanted in rows.items():
        found = osv.function(name)
        assert found is not None
        assert found.writes is not None
        assert (found.writes.op, found.writes.location.spelling) == wanted
    assert osv.function("mmu::hw_ptep<2>::read") is None
    flush = osv.function("mmu::flush_tlb_all")
    assert flush is not None
    assert flush.does == ("dsb sy", "tlbi vmalle1is", "dsb sy", "isb")
    assert osv.descriptor_type("pt_element<0>", "mmu::pt_element<0>") == "declared in the model osv: mmu::pt_element<*>"
    assert osv.descriptor_type("u64", "unsigned long") is None


def test_haiku_and_linux() -> None:
    haiku, linux = load(["haiku"]), load(["linux-arm64"])
    swap = haiku.function("atomic_test_and_set64")
    assert swap is not None
    assert swap.access is not None
    assert swap.access.op == "compare-exchange"
    table = haiku.function("VMSAv8TranslationMap::TableFromPa")
    assert table is not None
    assert table.returns_table
    assert linux.descriptor_type("pte_t", "pte_t") == "declared in the model linux-arm64: pte_t"
    assert linux.barrier_idiom["dsb_ishst"] == "dsb(ishst);"
    assert load(["linux-arm64"]).exempt_values[0].mask == 0x40


@pytest.mark.parametrize("aliases", [9, 2])
def test_aliases_that_stand_for_too_much_are_refused(tmp_path: Path, aliases: int) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * aliases)}]" for at in range(1, 30)]
    (tmp_path / "m.yaml").write_text("\n".join(lines) + "\n")
    with pytest.raises(ModelError, match="stand for too much"):
        load([str(tmp_path / "m.yaml")])


def test_an_alias_inside_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text("name: x\nfunctions: &a\n  - match: f\n    does: *a\n")
    with pytest.raises(ModelError, match="stand for too much"):
        load([str(tmp_path / "m.yaml")])
