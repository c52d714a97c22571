"""Colours for terminals: `Style` paints a word in its role, or leaves it alone.

What it does not model: terminals without ANSI escapes, and light against dark backgrounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO

from barrierlint.frozen import dataclass

_CODES = {
    "error": "1;31",
    "warning": "1;33",
    "note": "1;36",
    "help": "1;32",
    "title": "1",
    "frame": "34",
    "write": "33",
    "access": "31",
    "dim": "2",
    "added": "32",
}


@dataclass(frozen=True, slots=True)
class Style:
    """Whether to colour."""

    colour: bool = False

    def paint(self, role: str, text: str) -> str:
        """Return `text` in the colour of `role` (a severity, or a part of the report)."""
        return f"\x1b[{_CODES[role]}m{text}\x1b[0m" if self.colour and text else text


def wants_colour(choice: str, stream: IO[str], environment: Mapping[str, str]) -> bool:
    """Decide as peers do: `--color`, then NO_COLOR, then CLICOLOR_FORCE and FORCE_COLOR, CLICOLOR=0, the terminal.

    An empty or `0` forcing variable forces nothing; TERM=dumb has no colours (no-color.org, bixense.com/clicolors).
    """
    if choice != "auto":
        return choice == "always"
    if environment.get("NO_COLOR"):
        return False
    if any(environment.get(name, "0") not in ("", "0") for name in ("CLICOLOR_FORCE", "FORCE_COLOR")):
        return True
    if environment.get("CLICOLOR") == "0" or environment.get("TERM") == "dumb":
        return False
    return stream.isatty()
