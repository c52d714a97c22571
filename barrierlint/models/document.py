"""Reads YAML with positions: every complaint names file, line, column, what is wrong and what to do about it.

Nothing of a document is executed and no object is built from a tag. What it does not keep: comments and anchors' names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import yaml

MAXIMUM_SIZE = 1_000_000
"""Bytes of a model file; more is refused."""


MAXIMUM_NODES = 200_000
"""Values of a document with its aliases written out; more is refused."""


class ModelError(ValueError):
    """A model that cannot be used. The text is one line: `file:line:column: what is wrong; remedy`."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value of the document with its place."""

    raw: yaml.Node
    file: str

    @property
    def place(self) -> str:
        """`file:line:column`, counted from 1."""
        mark = self.raw.start_mark
        return f"{self.file}:{mark.line + 1}:{mark.column + 1}"

    def error(self, what: str, remedy: str = "") -> ModelError:
        """The complaint to raise about this value."""
        return ModelError(f"{self.place}: {what}" + (f"; {remedy}" if remedy else ""))

    @property
    def kind(self) -> str:
        """Mapping, list, or the scalar's kind."""
        tag = str(self.raw.tag).rsplit(":", 1)[-1]
        names = {
            "map": "a mapping",
            "seq": "a list",
            "str": "text",
            "int": "a number",
            "bool": "true or false",
            "null": "nothing",
        }
        return names.get(tag, f"a {tag}")

    def mapping(self, known: Iterable[str], required: Iterable[str] = ()) -> dict[str, Node]:
        """The entries of a mapping with known keys."""
        entries: dict[str, Node] = {}
        known = tuple(known)
        for key, value in self.pairs():
            name = key.text()
            if known and name not in known:
                raise key.error(f"unknown key '{name}'", suggest(name, known))
            if name in entries:
                raise key.error(f"'{name}' is given twice", "keep one of them")
            entries[name] = value
        for name in required:
            if name not in entries:
                raise self.error(f"'{name}' is missing", f"add '{name}: …'")
        return entries

    def pairs(self) -> Iterator[tuple[Node, Node]]:
        """The entries of a mapping of any keys."""
        import yaml

        if not isinstance(self.raw, yaml.MappingNode):
            raise self.error(f"expected a mapping, found {self.kind}", "write 'key: value' lines")
        for key, value in self.raw.value:
            yield Node(key, self.file), Node(value, self.file)

    def items(self) -> list[Node]:
        """The items of a list."""
        import yaml

        if not isinstance(self.raw, yaml.SequenceNode):
            raise self.error(f"expected a list, found {self.kind}", "start each item with '- '")
        return [Node(item, self.file) for item in self.raw.value]

    def text(self) -> str:
        """The value of a scalar, as text, not empty."""
        import yaml

        if not isinstance(self.raw, yaml.ScalarNode):
            raise self.error(f"expected text, found {self.kind}")
        value = str(self.raw.value).strip()
        if not value or (self.raw.tag == "tag:yaml.org,2002:null"):
            raise self.error("expected text, found nothing", "give a value or remove the key")
        return value

    def choice(self, words: Iterable[str]) -> str:
        """One of `words`."""
        words = tuple(words)
        value = self.text()
        if value not in words:
            raise self.error(f"'{value}' is not one of {', '.join(words)}", suggest(value, words))
        return value

    def flag(self) -> bool:
        """True or false."""
        if self.raw.tag != "tag:yaml.org,2002:bool":
            raise self.error(f"expected true or false, found {self.kind}")
        return self.text().lower() in ("true", "yes", "on")

    def number(self) -> int:
        """A non-negative integer below 2**64, decimal or hexadecimal."""
        try:
            value = int(self.text().replace("_", ""), 0)
        except ValueError:
            raise self.error(f"'{self.text()}' is not a number", "write it as 64 or 0x40") from None
        if not 0 <= value < 1 << 64:
            raise self.error(f"{value} does not fit 64 bits")
        return value


def suggest(word: str, known: Iterable[str]) -> str:
    """`did you mean …?`, or the list of what is known."""
    known = tuple(known)
    from difflib import get_close_matches

    close = get_close_matches(word, known, 1)
    return f"did you mean '{close[0]}'?" if close else f"known are {', '.join(known)}"


def read(path: Path, shown: str, what: str = "a model") -> Node:
    """Parse the file; `shown` is its name in messages, `what` what it is to be."""
    import yaml

    try:
        if path.stat().st_size > MAXIMUM_SIZE:
            raise ModelError(f"{shown}:1:1: larger than {MAXIMUM_SIZE} bytes; {what} is a short list of names")
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ModelError(f"{shown}:1:1: not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise ModelError(f"{shown}:1:1: cannot be read ({error.strerror}); check the path") from None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{mark.line + 1}:{mark.column + 1}" if mark else "1:1"
        raise ModelError(
            f"{shown}:{where}: not YAML ({error.problem or error.context}); check the indentation and quotes"
        ) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        first = (str(error).splitlines() or ["unreadable"])[0]
        raise ModelError(f"{shown}:1:1: not YAML ({first}); check for control characters") from None
    if _size(root, {}, set()) > MAXIMUM_NODES:
        raise ModelError(f"{shown}:1:1: its aliases (`*name`) stand for too much; write out what they name")
    if root is None:
        raise ModelError(f"{shown}:1:1: empty; {what} needs at least one 'key: value'")
    return Node(root, shown)


def _size(node: yaml.Node | None, known: dict[int, int], inside: set[int]) -> int:
    """How many values a document holds, each alias counted for all that it names; one inside itself for too many."""
    parts = getattr(node, "value", None)
    if not isinstance(parts, list):
        return 1
    if id(node) in inside:
        return MAXIMUM_NODES + 1
    if id(node) not in known:
        inside.add(id(node))
        flat = (one for part in parts for one in (part if isinstance(part, tuple) else (part,)))
        known[id(node)] = 1 + sum(_size(one, known, inside) for one in flat)
        inside.discard(id(node))
    return known[id(node)]
