"""One finding as text: the place, the numbered path from the write to the access, the proof, the repair.

What it does not decide: which findings are shown, and in what order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from barrierlint.finding import Confidence, Confirmation, Finding, RuleInfo, Verdict, WitnessStep
from barrierlint.report import timeline
from barrierlint.report.lines import printable
from barrierlint.report.snippet import Frame, insertion, place, underlined
from barrierlint.report.style import Style

MAX_STEPS = 24
"""Steps of a witness shown in full; of a longer one the middle is folded."""

MAX_ALSO = 5
"""Other places of the same defect listed; the rest are counted."""

_POINTED = {"write", "barrier", "branch", "access", "boundary", "idle"}

_SURE = {
    Confidence.EXACT: "exact: the address accessed flows from the address mapped",
    Confidence.POSSIBLE: "possible: the address accessed cannot be told apart from the one mapped",
    Confidence.BOUNDARY: "boundary: the function returns to code that was not analysed, with the barrier still owed",
}

_ROLE_STYLE = {"write": "write", "access": "access", "boundary": "access", "barrier": "note"}


def render(finding: Finding, rules: Mapping[str, RuleInfo], style: Style, verbose: bool, columns: int) -> str:
    """Return the whole account of `finding`; `verbose` unfolds the path and the other places."""
    frame = Frame(style, max(len(str(step.span.line)) for step in (*finding.witness.steps, *finding.also)) + 1)
    lines = [title(finding, rules, style), *_primary(finding, frame)]
    lines += _path(finding.witness.steps, frame, verbose)
    lines += _facts(finding, frame)
    lines += _simulation(finding.confirmation, frame, columns)
    lines += _also(finding, frame, verbose)
    lines += _help(finding, frame)
    return "\n".join(line.rstrip() for line in lines)


def title(finding: Finding, rules: Mapping[str, RuleInfo], style: Style) -> str:
    """Return `error[BL001 access-without-dsb]: message`; what the simulation refutes is called so."""
    word = "refuted" if finding.confirmation.verdict is Verdict.REFUTED else finding.severity.value
    head = f"{word}[{rule_title(finding.rule, rules)}]"
    return style.paint(finding.severity.value, head) + style.paint("title", f": {printable(finding.message)}")


def rule_title(rule: str, rules: Mapping[str, RuleInfo]) -> str:
    """Return `BL001 access-without-dsb`, the id alone for a rule that is not known."""
    return f"{rule} {rules[rule].name}" if rule in rules else rule


def _primary(finding: Finding, frame: Frame) -> Iterator[str]:
    """The place the finding points at, with what lacks there."""
    yield _arrow(frame, place(finding.span))
    yield frame.rule()
    lacking = f"needs {' and '.join(finding.missing)} before this" if finding.missing else ""
    if finding.confidence is Confidence.BOUNDARY and finding.missing:
        lacking = f"needs {' and '.join(finding.missing)} after this"
    yield from underlined(frame, finding.span, finding.severity.value, lacking)
    yield frame.rule()


def _arrow(frame: Frame, target: str) -> str:
    return f"{frame.style.paint('frame', ' ' * frame.gutter + '-->')} {target}"


def _path(steps: tuple[WitnessStep, ...], frame: Frame, verbose: bool) -> Iterator[str]:
    """The numbered steps of the witness, the middle folded if there are many."""
    yield _remark(frame, "path", f"{plural(len(steps), 'step')}, in the order of execution")
    hidden = range(0)
    if len(steps) > MAX_STEPS and not verbose:
        hidden = range(MAX_STEPS // 2, len(steps) - MAX_STEPS // 2)
    for at, step in enumerate(steps):
        if at not in hidden:
            yield from _step(at + 1, step, frame)
        elif at == hidden.start:
            yield f"{frame.rule(mark='.')} … {len(hidden)} more steps (all with -v)"


def _step(number: int, step: WitnessStep, frame: Frame) -> Iterator[str]:
    """One step: number, role and place; what matters is shown in the source, calls only named."""
    where = place(step.span) + (f" in {printable(step.function)}" if step.function else "")
    pointed = step.role in _POINTED
    note = "" if pointed else f": {printable(step.note)}"
    role = frame.style.paint(_ROLE_STYLE.get(step.role, "title"), f"{step.role:<8}")
    yield f"{frame.rule(mark=f'{number:>2}.')} {role} {where}{note}"
    if pointed:
        yield from underlined(frame, step.span, _ROLE_STYLE.get(step.role, "title"), step.note)


def _remark(frame: Frame, subject: str, text: str) -> str:
    return f"{frame.rule(mark='=')} {frame.style.paint('title', subject + ':')} {text}"


def _facts(finding: Finding, frame: Frame) -> Iterator[str]:
    """Why the write counts as one of a descriptor, and how sure the analysis is."""
    if finding.missing:
        yield _remark(frame, "missing", ", ".join(map(printable, finding.missing)))
    if finding.evidence:
        yield _remark(frame, "descriptor", "; ".join(map(printable, finding.evidence)))
    sure = f"{finding.confidence}: {finding.grounds}" if finding.grounds else _SURE[finding.confidence]
    yield _remark(frame, "confidence", printable(sure))


def _simulation(answer: Confirmation, frame: Frame, columns: int) -> Iterator[str]:
    """The simulation's verdict in a sentence, and the execution that faults as a table."""
    if answer.verdict is Verdict.UNCHECKED:
        return
    yield _remark(frame, "simulation", simulation_sentence(answer))
    if answer.trace:
        table = timeline.render(answer.trace, columns - frame.gutter - 4).splitlines()
        yield from (f"{frame.rule()}   {line}" for line in table)


def simulation_sentence(answer: Confirmation) -> str:
    """Return the verdict, what was explored, and the fault or the reason."""
    fault = answer.trace.fault if answer.trace else None
    text = f"{answer.verdict} ({plural(answer.states, 'state')})"
    if fault:
        text += f": {timeline.fault_sentence(fault)}"
    if answer.repaired_states:
        text += f"; with the repair none of {answer.repaired_states} states faults"
    return text + (f"; {printable(answer.reason)}" if answer.reason else "")


def _also(finding: Finding, frame: Frame, verbose: bool) -> Iterator[str]:
    """Other paths and places of the same defect, a few by name and the rest counted."""
    places = finding.also
    shown = places if verbose else places[:MAX_ALSO]
    counted = [f"on {plural(finding.paths - 1, 'other path')}"] if finding.paths > len(places) + 1 else []
    counted += [f"at {plural(len(places), 'more place')}"] if places else []
    if not counted:
        return
    yield _remark(frame, "also", f"the same defect {', '.join(counted)}")
    for step in shown:
        where = f" in {printable(step.function)}" if step.function else ""
        yield f"{frame.rule()}   {place(step.span)}{where}" + (f": {printable(step.note)}" if step.note else "")
    if len(shown) < len(places):
        yield f"{frame.rule()}   … {len(places) - len(shown)} more (all with -v)"


def _help(finding: Finding, frame: Frame) -> Iterator[str]:
    """The repair as added lines, and how to see everything again."""
    if finding.repair:
        yield _remark(frame, "help", printable(finding.repair.why))
        for each in finding.repair.places:
            yield _arrow(frame, place(each.at))
            yield from insertion(frame, each)
    elif finding.unrepaired:
        yield _remark(frame, "help", printable(finding.unrepaired))
    if finding.fingerprint:
        yield _remark(frame, "fingerprint", finding.fingerprint)


def summary(finding: Finding) -> str:
    """Return one line: place, severity, rule and message."""
    return f"{place(finding.span)}: {finding.severity}: {finding.rule} {printable(finding.message)}"


def plural(count: int, noun: str) -> str:
    """Return `1 file`, `2 files`."""
    return f"{count} {noun}" + ("" if count == 1 else "s")
