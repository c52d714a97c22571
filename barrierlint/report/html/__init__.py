"""The report as one self-contained page: no network, no script but its own, everything from outside escaped.

It shows each finding's source with the path drawn through it, the graph with the faulting path, the execution that
faults beside one of the repaired code, the repair and the litmus test. What it does not show: refuted findings' graphs.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib.resources import files

from barrierlint import __version__
from barrierlint.finding import Finding, Report, RuleInfo
from barrierlint.report.defect import rule_title, simulation_sentence
from barrierlint.report.html.views import execution, passages, pictures
from barrierlint.report.lines import printable
from barrierlint.report.snippet import Frame, insertion, place
from barrierlint.report.style import Style
from barrierlint.report.text import closing

SOUND = "⇒ no execution of the repaired code faults"


def render(report: Report, rules: Mapping[str, RuleInfo]) -> str:
    """Return the whole page."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.globals.update(
        place=place,
        printable=printable,
        title=lambda rule: rule_title(rule, rules),
        simulated=simulation_sentence,
        passages=passages,
        pictures=pictures,
        execution=execution,
        patch=_patch,
        sound=SOUND,
    )
    style, script = _asset("style.css"), _asset("script.js")
    return environment.from_string(_asset("page.html")).render(
        report=report,
        closing=closing(report),
        version=__version__,
        style=style,
        script=script,
        policy=f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}",
    )


def _asset(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """The source expression of a Content-Security-Policy that allows just this inline text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _patch(finding: Finding) -> str:
    """The repair as the text report shows it."""
    places = finding.repair.places if finding.repair else ()
    return "\n".join(line for each in places for line in (f"--> {place(each.at)}", *insertion(Frame(Style(), 5), each)))
