"""What the server knows of a file: the report of its last analysis, and what the barriers in it do.

What it does not model: files that changed on disk since; a save starts over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from barrierlint.dataflow.barriers import Barrier, Barriers
from barrierlint.finding import Report
from barrierlint.pipeline import Options, lower, run


@dataclass(slots=True)
class Analysis:
    """Answers for one file under `options`; the barriers are worked out when first asked for."""

    options: Options
    report: Report
    barriers: list[Barriers] | None = field(default=None)

    def barriers_at(self, path: str, line: int) -> tuple[Barrier, ...]:
        """The barriers on a line of the file."""
        if self.barriers is None:
            from barrierlint.rules import settings

            lowered = lower(self.options)
            self.barriers = [Barriers(each, settings(each, lowered.models)) for each in lowered.programs]
        return tuple(found for each in self.barriers for found in each.at(path, line))


class Analyses:
    """The last analysis of each file. `options_for` makes the options from a path."""

    def __init__(self, options_for: Callable[[str], Options]) -> None:
        self.options_for = options_for
        self.known: dict[str, Analysis] = {}

    def renew(self, path: str) -> Analysis:
        """Analyse a file as it is now. Raises what the pipeline raises, each one line for the user."""
        from barrierlint.report.fingerprint import line_hashes
        from barrierlint.report.lines import read_lines

        read_lines.cache_clear()
        line_hashes.cache_clear()
        options = self.options_for(path)
        self.known[path] = Analysis(options, run(options))
        return self.known[path]

    def of(self, path: str) -> Analysis:
        """The analysis of a file, made if there is none."""
        return self.known.get(path) or self.renew(path)
