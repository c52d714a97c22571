"""Reads what a model says of whole functions, types and flags: `policies`, and the globs that name them.

What it does not do: decide what a policy excuses, which is the analysis's.
"""

from __future__ import annotations

import re

from barrierlint.models.document import Node
from barrierlint.models.glob import Glob
from barrierlint.models.model import Policy

_SUBJECTS = ("function", "type", "flag")
_SAID = {"function": ("tables", "leaves", "defers"), "type": ("tables",), "flag": ()}
_TABLES = ("offline", "this-pe")


def policy(node: Node) -> Policy:
    """An entry of `policies`."""
    entries = node.mapping((*_SUBJECTS, "tables", "leaves", "defers", "reason"), required=("reason",))
    subjects = [subject for subject in _SUBJECTS if subject in entries]
    if len(subjects) != 1:
        raise node.error("a policy needs exactly one of function, type, flag", "split it")
    subject = subjects[0]
    said = [key for key in ("tables", "leaves", "defers") if key in entries]
    for key in said:
        if key not in _SAID[subject]:
            raise entries[key].error(f"'{key}' says nothing of a {subject}", "name functions with 'function: …'")
    if not said and subject != "flag":
        raise node.error(f"this policy says nothing of the {subject}", f"give one of {', '.join(_SAID[subject])}")
    return Policy(
        subject,
        glob_of(entries[subject]),
        entries["reason"].text(),
        tables=entries["tables"].choice(_TABLES) if "tables" in entries else "",
        leaves=entries["leaves"].choice(("eret",)) if "leaves" in entries else "",
        defers=entries["defers"].text() if "defers" in entries else "",
    )


def glob_of(node: Node) -> Glob:
    """A glob that does not match everything."""
    text = node.text()
    if not re.search(r"[^*?\s]", text):
        raise node.error(f"'{text}' matches everything", "name at least one part")
    if text.count("*") > 16:
        raise node.error("too many '*' in one glob", "sixteen are enough")
    return Glob(text)
