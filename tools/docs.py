"""Writes what is generated: docs/rules/ from the rules and their fixtures, help text and examples in README.md, and the
output of every command that a page of docs/ shows.

    python tools/docs.py            write
    python tools/docs.py --check    say what is stale, exit status 1 if anything is

What it does not write: prose that is not in a rule, a fixture or the parser.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from barrierlint import arguments
from barrierlint.configuration import schema
from barrierlint.finding import RuleInfo
from barrierlint.inputs import Request
from barrierlint.pipeline import Options, all_rules, run
from barrierlint.report import text
from barrierlint.simulation import Question, answers

sys.path.insert(0, str(Path(__file__).parent))
from consoles import renewed

ROOT = Path(__file__).resolve().parents[1]
SOURCES = {".c": "c", ".cc": "cpp", ".cpp": "cpp"}
NOTE = "<!-- Written by tools/docs.py from the rule and its fixtures; change those, then run `make docs`. -->\n"
HELP = re.compile(r"(<!-- help -->\n```text\n).*?(```\n<!-- /help -->)", re.DOTALL)
EXAMPLE = "fixtures/BL001/branch.c"
EXAMPLE_PLACE = re.compile(r"(<!-- example -->\n).*?(<!-- /example -->)", re.DOTALL)
CURE = "fixtures/litmus/own/cure.I2V+dsb.sy-vmalle1is-dsb.sy-isb.litmus"
CURE_PLACE = re.compile(r"(<!-- cure -->\n).*?(<!-- /cure -->)", re.DOTALL)
SECONDS = re.compile(r", \d+\.\d+ s\)")
OPENING = re.compile(r"\A\s*/\*(.*?)\*/\s*", re.DOTALL)


def pages() -> dict[Path, str]:
    """All generated files with their text."""
    rules = all_rules()
    found = {ROOT / "docs" / "rules" / f"{rule.id}.md": rule_page(rule) for rule in rules}
    found[ROOT / "docs" / "rules" / "README.md"] = index(rules)
    found[ROOT / "barrierlint" / "barrierlint.schema.json"] = json.dumps(schema(), indent=1) + "\n"
    for page in sorted((ROOT / "docs").glob("*.md")):
        found[page] = renewed(page.read_text(encoding="utf-8"))
    readme = ROOT / "README.md"
    found[readme] = with_cure(with_example(with_help(readme.read_text(encoding="utf-8"))))
    return found


def rule_page(rule: RuleInfo) -> str:
    """The page of a rule: its prose, then its fixtures."""
    parts = [NOTE, f"# {rule.id} {rule.name}\n", f"Severity: {rule.severity}.\n", rule.page.strip() + "\n"]
    programs = sorted(path for path in (ROOT / "fixtures" / rule.id).rglob("*") if path.suffix in SOURCES)
    if programs:
        parts.append("## Fixtures\n\nEach is a test: `expect` marks a finding, `step` its path, `ok` what is silent.\n")
    parts += [fixture_section(path) for path in programs]
    return "\n".join(parts)


def fixture_section(path: Path) -> str:
    """A fixture: its opening comment as text, the rest as code."""
    whole = path.read_text(encoding="utf-8")
    found = OPENING.match(whole)
    words = " ".join(line.strip().lstrip("*").strip() for line in found[1].splitlines()).strip() if found else ""
    code = whole[found.end() :] if found else whole
    name = path.relative_to(ROOT / "fixtures")
    block = f"```{SOURCES[path.suffix]}\n{code.strip()}\n```"
    return f"### {name}\n\n{words}\n\n<details><summary>source</summary>\n\n{block}\n\n</details>\n"


def index(rules: tuple[RuleInfo, ...]) -> str:
    """The table of all rules."""
    rows = [f"| [{rule.id}]({rule.id}.md) | {rule.name} | {rule.severity} | {rule.summary} |" for rule in rules]
    return "\n".join([NOTE, "# Rules\n", "| id | name | severity | what it flags |", "|---|---|---|---|", *rows]) + "\n"


def with_help(readme: str) -> str:
    """README.md with the help text as it is now, 100 columns wide."""
    os.environ["COLUMNS"] = "100"
    os.environ["NO_COLOR"] = "1"
    check = arguments.subparser("check").format_help()
    return HELP.sub(lambda match: match[1] + check + match[2], readme)


def with_example(readme: str) -> str:
    """README.md with the report of the example fixture as it is now."""
    request = Request((EXAMPLE,), flags=())
    os.chdir(ROOT)
    report = text.render(run(Options(request)), {rule.id: rule for rule in all_rules()}, text.View(columns=100))
    shown = f"```text\n$ barrierlint check {EXAMPLE} --\n{report}```\n"
    return EXAMPLE_PLACE.sub(lambda match: match[1] + shown + match[2], readme)


def with_cure(readme: str) -> str:
    """README.md with what the simulator says of OSv #1117's accidental cure, without the time it took."""
    told = "".join(answer.text for answer in answers([CURE], Question(ablate=True)))
    shown = f"```text\n$ barrierlint simulate --ablate {CURE}\n{SECONDS.sub(')', told)}```\n"
    return CURE_PLACE.sub(lambda match: match[1] + shown + match[2], readme)


def stale(wanted: Mapping[Path, str]) -> list[Path]:
    """The files that differ from what they should be, and pages of rules that are gone."""
    differing = [path for path, new in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != new]
    return differing + [path for path in (ROOT / "docs" / "rules").glob("*.md") if path not in wanted]


def main(words: list[str]) -> int:
    """Write, or check; return the exit status."""
    wanted = pages()
    old = stale(wanted)
    if "--check" in words:
        for path in old:
            print(f"{path.relative_to(ROOT)}: not what tools/docs.py writes; run `make docs`", file=sys.stderr)
        return 1 if old else 0
    for path in old:
        if path in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path], encoding="utf-8")
        else:
            path.unlink()
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
