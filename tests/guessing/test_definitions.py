"""What a header defines, judged by the look of its text."""

from __future__ import annotations

import pytest

from barrierlint.source.guessing.definitions import Kind, find, number

TEXT = b"""\
#define OBJECT 0x10UL /* why */
# define CALL(a, b) \\
	do { use(a); } while (0)
#ifdef CALL2
typedef unsigned long word_t;
typedef struct node {
	struct node *next;
	int member;
} node_t;
typedef int (*handler_t)(int);
typedef struct { int x; } __attribute__((packed)) packed_t;
enum level { FIRST, SECOND = 2,
	THIRD
};
struct plain { int y; };
union both
{
	int z;
};
static inline void map_page(unsigned long va)
{
	if (va) use_it(va);
	return later(va);
}
EFI_STATUS
EFIAPI
ReadRegister (
  VOID
  );
extern int counter, other_counter;
using alias = int;
class Guard final : public Base {
};
"""


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("OBJECT", Kind.MACRO),
        ("CALL", Kind.MACRO),
        ("word_t", Kind.TYPE),
        ("node_t", Kind.TYPE),
        ("node", Kind.TYPE),
        ("handler_t", Kind.TYPE),
        ("packed_t", Kind.TYPE),
        ("plain", Kind.TYPE),
        ("both", Kind.TYPE),
        ("alias", Kind.TYPE),
        ("Guard", Kind.TYPE),
        ("FIRST", Kind.ENUMERATOR),
        ("SECOND", Kind.ENUMERATOR),
        ("THIRD", Kind.ENUMERATOR),
        ("map_page", Kind.FUNCTION),
        ("ReadRegister", Kind.FUNCTION),
        ("other_counter", Kind.VARIABLE),
    ],
)
def test_definitions_are_known_by_their_shape(name: str, kind: Kind) -> None:
    found = find(TEXT, name)
    assert found is not None
    assert found.kind is kind


@pytest.mark.parametrize("name", ["use_it", "later", "use", "member", "va", "CALL2", "absent"])
def test_mentions_are_no_definitions(name: str) -> None:
    assert find(TEXT, name) is None


def test_macros_have_parameters_and_bodies() -> None:
    object_like, call = find(TEXT, "OBJECT"), find(TEXT, "CALL")
    assert object_like is not None
    assert (object_like.parameters, object_like.body) == (None, "0x10UL")
    assert call is not None
    assert (call.parameters, call.body) == ("(a, b)", "do { use(a); } while (0)")


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("12", 12),
        ("(0x10UL)", 16),
        ("((u64)1)", 1),
        ("UL(3)", 3),
        ("010", 8),
        ("1 << 3", None),
        ("", None),
        ("PAGE", None),
    ],
)
def test_numbers(body: str, value: int | None) -> None:
    assert number(body) == value
