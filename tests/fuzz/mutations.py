"""Inputs made from good ones: tokens and lines left out, doubled, swapped, replaced by those of other inputs, nested
deeply, numbers made huge; the grammar stays close enough that a parser gets past its first check.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hypothesis import strategies as st

_TOKEN = re.compile(r"\s+|\w+|[^\w\s]")
_ODD = [
    *(
        "",
        "\0",
        "\n",
        "\r",
        "\t",
        "\\",
        '"',
        "'",
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        ",",
        ":",
        "-",
        "#",
        "%",
        "*",
        "&",
        "=",
        "..",
        "//",
    ),
    *("/*", "*/", "\x1b[31m", "\u202e", "\ufeff", "\udcff", "é", "0x", "-1", "1e999", "NaN", "null", "true", "1" * 400),
    *(str(1 << bits) for bits in (31, 32, 63, 64, 65, 1000)),
]


@st.composite
def mutated(draw: st.DrawFn, seeds: Sequence[str]) -> str:
    """A text made from one of `seeds` by a few changes."""
    text = draw(st.sampled_from(seeds))
    words = _words(seeds)
    for _ in range(draw(st.integers(0, 6))):
        text = _changed(draw, text, seeds, words)
    return text[:200_000]


def _words(seeds: Sequence[str]) -> list[str]:
    return sorted({word for seed in seeds for word in _TOKEN.findall(seed)})


def _changed(draw: st.DrawFn, text: str, seeds: Sequence[str], words: Sequence[str]) -> str:
    by_line = draw(st.booleans())
    parts = text.splitlines(keepends=True) if by_line else _TOKEN.findall(text)
    if not parts:
        return draw(st.sampled_from(_ODD))
    first = draw(st.integers(0, len(parts) - 1))
    last = min(len(parts), first + draw(st.integers(1, 4)))
    kind = draw(st.sampled_from(("drop", "double", "swap", "word", "odd", "nest", "splice", "many", "any")))
    piece = "".join(parts[first:last])
    match kind:
        case "drop":
            piece = ""
        case "double":
            piece += piece
        case "swap":
            other = draw(st.integers(0, len(parts) - 1))
            parts[first], parts[other] = parts[other], parts[first]
            return "".join(parts)
        case "word":
            piece = draw(st.sampled_from(words))
        case "odd":
            piece = draw(st.sampled_from(_ODD))
        case "nest":
            piece = draw(st.sampled_from("([{-~!*&")) * draw(st.sampled_from((3, 60, 3000))) + piece
        case "splice":
            other_seed = draw(st.sampled_from(seeds))
            at = draw(st.integers(0, len(other_seed)))
            return "".join(parts[:first]) + other_seed[at:]
        case "many":
            piece *= draw(st.sampled_from((20, 400)))
        case _:
            piece = draw(st.text(max_size=12))
    return "".join(parts[:first]) + piece + "".join(parts[last:])
