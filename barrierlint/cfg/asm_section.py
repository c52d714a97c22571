"""Sections of the assembler: where the statements of a text are assembled to, and which of those places hold code.

Of an inline template only what stays where it stands is executed; of a file all sections with instructions are. What
it does not model: linker scripts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from barrierlint.cfg.asm_text import Statement

ALTERNATIVES = ".altinstructions"
"""The section in which Linux and Xen say which instructions are patched over which."""

SECTIONS = frozenset(
    [".pushsection", ".subsection", ".section", ".text", ".data", ".bss", ".popsection", ".previous", ".rodata"]
)
_NO_CODE = re.compile(r"\.(?:data|bss|rodata|note|comment|debug|eh_frame|init_array|ex_table|altinstructions)\b")
_LIKE_CODE = re.compile(r"(?:^|[._])(?:text|init|head|code|entry|vectors?|boot|start)(?:$|[._])", re.IGNORECASE)
_NAMED_CODE = re.compile(r"(?:^|[._])(?:text|code|vectors?)$", re.IGNORECASE)
"""What is code though its flags forget to say so: where the linker script places it, all is executable."""


@dataclass(frozen=True, slots=True)
class Section:
    """A section with its subsection; `code` if its contents are executed."""

    name: str
    part: int = 0
    code: bool = True

    @property
    def label(self) -> str:
        """What statements assembled here are marked with; parts of one section sort in order."""
        return f"{self.name}|{self.part:06}"


@dataclass(slots=True)
class Sections:
    """The current section; `whole` for a file, where more than the text's own place counts."""

    whole: bool = False
    current: Section = Section("")
    previous: Section = Section("")
    stack: list[tuple[Section, Section]] = field(default_factory=list)
    flags: dict[str, bool] = field(default_factory=dict)

    def change(self, statement: Statement) -> None:
        """Follow a directive of `SECTIONS`."""
        match statement.mnemonic:
            case ".pushsection":
                self.stack.append((self.current, self.previous))
                self._enter(self._named(statement))
            case ".popsection":
                if self.stack:
                    self.current, self.previous = self.stack.pop()
            case ".previous":
                self.current, self.previous = self.previous, self.current
            case ".subsection":
                part = self._part(statement.operands, 0)
                self._enter(Section(self.current.name, part, self.whole and self.current.code))
            case ".section":
                self._enter(self._named(statement))
            case name:
                part = self._part(statement.operands, 0)
                own = name == ".text" and (self.whole or self.current.name == "")
                self._enter(Section("" if name == ".text" else name, part, self.whole and own))

    def _enter(self, section: Section) -> None:
        self.previous, self.current = self.current, section

    def _part(self, operands: tuple[str, ...], at: int) -> int:
        text = operands[at].strip() if len(operands) > at else ""
        return int(text) if text.isdigit() and len(text) < 6 else 0

    def _named(self, statement: Statement) -> Section:
        """The section that `.section name, "flags"` or `.pushsection name, part, "flags"` names."""
        name = statement.operands[0].strip('"') if statement.operands else ""
        part = self._part(statement.operands, 1) if statement.mnemonic == ".pushsection" else 0
        given = next((one for one in statement.operands[1:] if one.startswith('"')), None)
        if given is not None:
            flags = given.strip('"').split(",")[0].lower()
            self.flags[name] = "x" in flags or ("w" not in flags and bool(_NAMED_CODE.search(name)))
        code = self.flags.get(name, not _NO_CODE.match(name) and bool(_LIKE_CODE.search(name)))
        return Section("" if name == ".text" else name, part, self.whole and code)
