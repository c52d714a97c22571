"""Which language a file is written in, where its text makes no sense in the usual one: by what the errors are about.

Each flag is proposed once, one at a time. What it does not do: read makefiles; what they say is known before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from barrierlint.source.guessing.changes import Change
from barrierlint.source.guessing.diagnosis import Diagnosis
from barrierlint.source.guessing.guess import Guess

_C = (
    (r"^expected |type specifier|requires a specifier|undeclared identifier '(?:true|false|nullptr)'", "-std=gnu2x"),
    (r"no member named|declaration does not declare", "-fms-extensions"),
    (r"sizeof \(L['\"]", "-fshort-wchar"),
)
_CXX = (
    (r"ISO C\+\+\d+ does not allow|reserved|dynamic exception", "-std=gnu++14"),
    (r"^expected |requires|no template named|no member named '\w+' in namespace 'std'|consteval|deduc", "-std=gnu++2b"),
    (r"sizeof \(L['\"]", "-fshort-wchar"),
)


@dataclass(slots=True)
class Languages:
    """Proposes flags of the language."""

    cxx: bool
    _tried: set[str] = field(default_factory=set)

    def proposed(self, seen: Diagnosis, guess: Guess) -> list[Change]:
        """Return the next flag that may cure an error, if there is one."""
        messages = [text.split(": ", 1)[-1] for text in seen.texts]
        for pattern, flag in _CXX if self.cxx else _C:
            if flag in self._tried or flag in guess.flags:
                continue
            hit = next((message for message in messages if re.search(pattern, message)), None)
            if hit is not None:
                self._tried.add(flag)
                return [Change(flag=flag, why=f"an error of the usual language goes away: {hit[:80]}")]
        return []
