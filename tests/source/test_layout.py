"""Statements found in the text, and lines put between them: one case a shape of code. `@` marks the place."""

from __future__ import annotations

import pytest

from barrierlint.dataflow.places import Place
from barrierlint.report.edits import applied
from barrierlint.rules.edits import edits, spot
from barrierlint.source.layout import Layout

LINES = ("dsb();", "isb();")


def put(marked: str) -> str | None:
    """The text with LINES before the statement (or the closing brace) that `@` marks."""
    offset = marked.index("@")
    data = marked.replace("@", "").encode()
    layout = Layout(data)
    close = data.rindex(b"}")
    body = layout._body(close)
    if body is None:
        return None
    place = Place("a.c", offset, offset == close, (0, 0))
    found = spot(layout, body, place)
    return applied(data, edits(found, LINES)).decode() if found else None


@pytest.mark.parametrize(
    ("marked", "wanted"),
    [
        ("f()\n{\n\ta();\n\t@b();\n}\n", "f()\n{\n\ta();\n\tdsb();\n\tisb();\n\tb();\n}\n"),
        (
            "f()\n{\n\ta();\t/* why */\n\n\t/* then */\n\t@b();\n}\n",
            "f()\n{\n\ta();\t/* why */\n\tdsb();\n\tisb();\n\n\t/* then */\n\tb();\n}\n",
        ),
        ("f()\r\n{\r\n  @b();\r\n}\r\n", "f()\r\n{\r\n  dsb();\r\n  isb();\r\n  b();\r\n}\r\n"),
        ("f() { a(); @b(); }\n", "f() { a(); dsb(); isb(); b(); }\n"),
        ("f() { a(); @}\n", "f() { a(); dsb(); isb(); }\n"),
        ("f() {a();@}\n", "f() {a(); dsb(); isb(); }\n"),
        ("f()\n{\n@}\n", "f()\n{\n    dsb();\n    isb();\n}\n"),
        ("f()\n{\n\tif (a)\n\t\tb();\n@}\n", "f()\n{\n\tif (a)\n\t\tb();\n\tdsb();\n\tisb();\n}\n"),
        (
            "f()\n{\n\tif (a)\n\t\t@b();\n}\n",
            "f()\n{\n\tif (a) {\n\t\tdsb();\n\t\tisb();\n\t\tb();\n\t}\n}\n",
        ),
        (
            "f()\n{\n\tif (a)\n\t\t@b();\n\telse\n\t\tc();\n}\n",
            "f()\n{\n\tif (a) {\n\t\tdsb();\n\t\tisb();\n\t\tb();\n\t} else\n\t\tc();\n}\n",
        ),
        (
            "f()\n{\n\tif (a)\n\t\tb();\n\telse\n\t\t@c();\n}\n",
            "f()\n{\n\tif (a)\n\t\tb();\n\telse {\n\t\tdsb();\n\t\tisb();\n\t\tc();\n\t}\n}\n",
        ),
        (
            "f()\n{\n  if (z)\n  {\n    y();\n  }\n  if (a)\n    @b();\n}\n",
            "f()\n{\n  if (z)\n  {\n    y();\n  }\n  if (a)\n  {\n    dsb();\n    isb();\n    b();\n  }\n}\n",
        ),
        ("f()\n{\n\tif (a) @b();\n}\n", "f()\n{\n\tif (a) { dsb(); isb(); b(); }\n}\n"),
        (
            "f()\n{\n\tfor_each(p)\n\t\t@b();\n}\n",
            "f()\n{\n\tfor_each(p) {\n\t\tdsb();\n\t\tisb();\n\t\tb();\n\t}\n}\n",
        ),
        ("f()\n{\n\ta();\nout:\n\t@b();\n}\n", "f()\n{\n\ta();\nout:\n\tdsb();\n\tisb();\n\tb();\n}\n"),
        (
            "f()\n{\n\tswitch (a) {\n\tcase 1:\n\t\t@b();\n\t}\n}\n",
            "f()\n{\n\tswitch (a) {\n\tcase 1:\n\t\tdsb();\n\t\tisb();\n\t\tb();\n\t}\n}\n",
        ),
        (
            "f()\n{\n#ifdef A\n\ta();\n#endif\n\t@b();\n}\n",
            "f()\n{\n#ifdef A\n\ta();\n#endif\n\tdsb();\n\tisb();\n\tb();\n}\n",
        ),
        (
            'f()\n{\n\ta("}", \'{\', R"(}})");\n\tint x = ({ g(); 1; });\n\t@b();\n}\n',
            'f()\n{\n\ta("}", \'{\', R"(}})");\n\tint x = ({ g(); 1; });\n\tdsb();\n\tisb();\n\tb();\n}\n',
        ),
        (
            "f()\n{\n\tdo\n\t\ta();\n\twhile (c);\n\t@b();\n}\n",
            "f()\n{\n\tdo\n\t\ta();\n\twhile (c);\n\tdsb();\n\tisb();\n\tb();\n}\n",
        ),
        (
            "f()\n{\n\tauto g = [&] { a(); };\n\t@b();\n}\n",
            "f()\n{\n\tauto g = [&] { a(); };\n\tdsb();\n\tisb();\n\tb();\n}\n",
        ),
    ],
)
def test_lines_join_the_code_around(marked: str, wanted: str) -> None:
    assert put(marked) == wanted


@pytest.mark.parametrize(
    "marked",
    [
        "f()\n{\n\tif (a)\n\t\tb();\n\telse @if (c)\n\t\td();\n}\n",
        "f()\n{\n\tif (a\n\t@b();\n}\n",
        "f()\n{\n\tcall(@a, b);\n}\n",
    ],
)
def test_where_nothing_can_be_put(marked: str) -> None:
    assert put(marked) is None
