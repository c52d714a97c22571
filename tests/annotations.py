"""Annotations of fixtures: comments that say what barrierlint must say of their line.

    // expect: ID [verdict] [confidence] ["regex"]   exactly one such finding points here
    // step: ID                                       a witness of such a finding passes here
    // ok: ID reason                                  no such finding here, and why that is right
    // event: Dsb ishst, ContextSync isb              this line lowers to exactly these events (`none`: to none)
    // repair: ID text                                a repair of such a finding puts that text into or behind this line
    // redundant: reason                              deleting this barrier uncovers nothing, and why

Several fit on one line, each behind its own `//`. A comment alone on its line speaks of the next line of code.
Anywhere in the file, about the whole of it: `model:`, `flags:`, `features:` (as on the command line), `with:` (more
sources of the program), `guessed: how` (no flags: they are guessed), `notification: kind` and `lost: kind` (what must
be said of the input). What it does not read: block comments.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

LINE_WORDS = ("expect", "step", "ok", "event", "repair", "redundant")
FILE_WORDS = ("model", "flags", "guessed", "features", "with", "notification", "lost")

_COMMENT = re.compile(r"//\s*(\w+):\s*((?:(?!\s//\s*\w+:).)*)")
_EXPECT = re.compile(r'(?P<rule>[A-Z]+\d+)(?P<words>(?:\s+[a-z]+)*)(?:\s+"(?P<regex>.*)")?')
VERDICTS = {"confirmed", "refuted", "undecided", "unchecked"}
CONFIDENCES = {"exact", "possible", "boundary"}


class AnnotationError(Exception):
    """An annotation that says nothing that can be tested."""


@dataclass(frozen=True)
class Expected:
    """A finding that must be reported at `line`."""

    line: int
    rule: str
    verdict: str = ""
    confidence: str = ""
    regex: str = ""


@dataclass
class Annotations:
    """All that one file says; line annotations by line number."""

    path: Path
    expect: list[Expected] = field(default_factory=list)
    step: list[tuple[int, str]] = field(default_factory=list)
    ok: list[tuple[int, str, str]] = field(default_factory=list)
    event: dict[int, list[str]] = field(default_factory=dict)
    repair: list[tuple[int, str, str]] = field(default_factory=list)
    redundant: dict[int, str] = field(default_factory=dict)
    options: dict[str, list[str]] = field(default_factory=dict)

    def words(self, option: str) -> list[str]:
        """The words of all uses of a file-wide option."""
        return [word for text in self.options.get(option, []) for word in text.split()]


def read(path: Path) -> Annotations:
    """Read the annotations of `path`; raises AnnotationError for one that is malformed."""
    found = Annotations(path)
    waiting: list[tuple[str, str]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").split("\n"), 1):
        spoken = [match for match in _COMMENT.finditer(line) if match[1] in (*LINE_WORDS, *FILE_WORDS)]
        code = line[: spoken[0].start()] if spoken else line
        said = [(match[1], match[2].strip()) for match in spoken]
        for word, text in [pair for pair in said if pair[0] in FILE_WORDS]:
            found.options.setdefault(word, []).append(text)
        waiting += [pair for pair in said if pair[0] in LINE_WORDS]
        if code.strip() and not code.strip().startswith("//"):
            for word, text in waiting:
                _add(found, number, word, text)
            waiting = []
    if waiting:
        raise AnnotationError(f"{path}: annotation at the end speaks of no line: {waiting}")
    return found


def _add(found: Annotations, line: int, word: str, text: str) -> None:
    """Record one annotation of `line`."""
    where = f"{found.path}:{line}: {word}: {text}"
    match word:
        case "expect":
            found.expect.append(_expected(line, text, where))
        case "step":
            found.step += [(line, rule) for rule in re.split(r"[,\s]+", _needed(text, where))]
        case "ok":
            rule, _, reason = _needed(text, where).partition(" ")
            found.ok.append((line, rule, _needed(reason, where + " (a reason is missing)")))
        case "event":
            events = [] if text == "none" else [part.strip() for part in _needed(text, where).split(",")]
            found.event[line] = events
        case "repair":
            rule, _, added = _needed(text, where).partition(" ")
            found.repair.append((line, rule, _needed(added, where + " (what it adds is missing)")))
        case "redundant":
            found.redundant[line] = _needed(text, where)


def _needed(text: str, where: str) -> str:
    if not text:
        raise AnnotationError(where)
    return text


def _expected(line: int, text: str, where: str) -> Expected:
    """Parse `ID [verdict] [confidence] ["regex"]`."""
    match = _EXPECT.fullmatch(text)
    if not match:
        raise AnnotationError(where)
    words = match["words"].split()
    if unknown := set(words) - VERDICTS - CONFIDENCES:
        raise AnnotationError(f"{where} (unknown: {', '.join(unknown)})")
    verdict = next((word for word in words if word in VERDICTS), "")
    confidence = next((word for word in words if word in CONFIDENCES), "")
    return Expected(line, match["rule"], verdict, confidence, match["regex"] or "")
