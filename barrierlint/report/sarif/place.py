"""Places in SARIF: files as URIs relative to the working directory, spans as regions in UTF-16 columns.

What it does not do: say which repository revision the files belong to.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sarif_om as om

from barrierlint.finding import Span
from barrierlint.report.lines import character_column


def root() -> str:
    """Return the working directory as the URI that relative ones are resolved against."""
    return Path.cwd().as_uri() + "/"


def uri(path: str) -> Any:
    """Return the artifact location of `path`: relative below the working directory, absolute elsewhere."""
    return _artifact(path, os.getcwd())


@lru_cache(maxsize=1 << 12)
def _artifact(path: str, folder: str) -> Any:
    relative = os.path.relpath(path, folder)
    if relative.startswith(".."):
        return om.ArtifactLocation(uri=Path(path).resolve().as_uri())
    return om.ArtifactLocation(
        uri=quote(relative.replace(os.sep, "/"), errors="surrogateescape"), uri_base_id="SRCROOT"
    )


def location(span: Span, text: str = "", function: str = "", id: int = -1) -> Any:
    """Return the place of `span`, with a message and the function it lies in."""
    return om.Location(
        id=id,
        physical_location=om.PhysicalLocation(artifact_location=uri(span.path), region=region(span)),
        message=om.Message(text=text) if text else None,
        logical_locations=[om.LogicalLocation(fully_qualified_name=function, kind="function")] if function else None,
    )


def region(span: Span) -> Any:
    """Return all four values that GitHub asks for; a span without an end is one column wide."""
    start = character_column(span.path, span.line, span.column)
    end_line = max(span.end_line, span.line)
    end = character_column(span.path, end_line, span.end_column)
    if end_line == span.line and end <= start:
        end = start + 1
    return om.Region(start_line=span.line, start_column=start, end_line=end_line, end_column=max(end, 1))


def insertion_point(at: Span, column: int) -> Any:
    """Return the empty region before byte `column` of the line of `at`."""
    start = character_column(at.path, at.line, column)
    return om.Region(start_line=at.line, start_column=start, end_line=at.line, end_column=start)
