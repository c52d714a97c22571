"""One step of guessing as a value: what it would add to a guess or take back."""

from __future__ import annotations

from dataclasses import replace

from barrierlint.frozen import dataclass
from barrierlint.source.guessing.guess import Guess, Macro


@dataclass(frozen=True, slots=True)
class Change:
    """Macros to define or take back, a header to include first, a line to declare, a flag.

    `defines` where its macro is copied from a header of the tree; `why` is the reason of all but macros.
    """

    macros: tuple[Macro, ...] = ()
    without: frozenset[str] = frozenset()
    header: str = ""
    declaration: str = ""
    flag: str = ""
    why: str = ""
    defines: bool = False

    def made(self, guess: Guess) -> Guess:
        """Return `guess` with this change."""
        macros = {name: one for name, one in guess.macros.items() if name not in self.without}
        macros.update({one.name: one for one in self.macros})
        forced, declarations = dict(guess.forced), dict(guess.declarations)
        if self.header:
            forced.setdefault(self.header, self.why)
        if self.declaration:
            declarations.setdefault(self.declaration, self.why)
        flags = guess.flags
        if self.flag:
            same = self.flag.partition("=")[0]
            flags = {**{one: why for one, why in flags.items() if one.partition("=")[0] != same}, self.flag: self.why}
        return replace(guess, macros=macros, forced=forced, declarations=declarations, flags=flags)
