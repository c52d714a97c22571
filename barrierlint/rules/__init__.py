"""The rules, one module each, found by walking this package; `check` runs the analysis and lets each defect's rule
speak, and the rules that give advice on the program as it is.

What it does not model: suppression and baselines, which are the pipeline's.
"""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from barrierlint.cfg.graph import THIS
from barrierlint.events import Call
from barrierlint.finding import Confidence, Finding, Notification, Severity, Witness, WitnessStep

if TYPE_CHECKING:
    from barrierlint.cfg.graph import Program
    from barrierlint.dataflow.grouping import Group
    from barrierlint.dataflow.ordering import Analysis
    from barrierlint.dataflow.transfer import Settings
    from barrierlint.dataflow.witness import Defect
    from barrierlint.models import Models
    from barrierlint.rules.advice import Advice
    from barrierlint.rules.repair import Repairs
    from barrierlint.rules.rule import Rule


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found, and what it could not explore."""

    findings: tuple[Finding, ...]
    notifications: tuple[Notification, ...] = ()


@cache
def all_rules() -> tuple[Rule | Advice, ...]:
    """Every rule, in order of id: each module `blNNN_name` of this package is one."""
    names = sorted(m.name for m in pkgutil.iter_modules(__path__) if re.match(r"bl\d", m.name))
    return tuple(import_module(f"{__name__}.{name}").RULE for name in names)


def check(
    program: Program,
    models: Models,
    select: Collection[str] | None = None,
    concerns: Callable[[Witness], bool] | None = None,
) -> Checked:
    """Analyse `program`; return the findings of the rules whose ids are in `select` (None: all).

    Of defects with one root cause one is shown whose path `concerns` the user, and none if no path does (None: all do).
    """
    from barrierlint.rules.advice import Advice

    chosen = [rule for rule in all_rules() if select is None or rule.info.id in select]
    rules = [rule for rule in chosen if not isinstance(rule, Advice)]
    advice = (
        remark.finding(rule.info)
        for rule in chosen
        if isinstance(rule, Advice)
        for remark in rule.find(program, models)
    )
    judged = _judged(program, models, rules, concerns) if rules else Checked(())
    return Checked((*judged.findings, *advice), judged.notifications)


def _judged(
    program: Program, models: Models, rules: Sequence[Rule], concerns: Callable[[Witness], bool] | None
) -> Checked:
    """What the rules about debts say."""
    from barrierlint.dataflow.ordering import analyse
    from barrierlint.rules.repair import Repairs

    followed = frozenset(kind for rule in rules for kind in (rule.kind, *rule.also))
    analysis = analyse(program, replace(settings(program, models), kinds=followed))
    repairs = Repairs(program, models, analysis, rules)
    groups = [one for group in analysis.groups if (one := _concerning(group, program, concerns)) is not None]
    made = (_finding(group, program, rules, repairs) for group in groups)
    return Checked(tuple(finding for finding in made if finding is not None), _cut_short(analysis))


def settings(program: Program, models: Models) -> Settings:
    """What the models tell the analysis: which descriptors owe anything, and what functions map."""
    from barrierlint.dataflow.transfer import RESULT, Settings
    from barrierlint.rules.policies import told

    maps: dict[str, int] = {}
    modelled: set[str] = set()
    for usr, cfg in program.functions.items():
        model = models.function(cfg.qualified)
        if model is not None and (model.writes or model.access):
            modelled.add(usr)
        if model is not None and model.maps is not None:
            address = model.maps.address
            method = bool(cfg.params) and cfg.params[0] == THIS
            maps[usr] = {"result": RESULT, "this": 0}.get(address.base, address.index + method)
    required = tuple((test.mask, test.equals) for test in models.exempt_values)
    called = {
        step.event.qualified for cfg in program.functions.values() for step in cfg.steps() if type(step.event) is Call
    }
    described = frozenset(name for name in called if models.function(name) is not None)
    accessors = frozenset(name for name in described if (found := models.function(name)) and found.returns_table)
    policies = told(program, models, called)
    return Settings(frozenset(modelled), described, accessors, required, maps, models.unknown_calls, policies=policies)


def _cut_short(analysis: Analysis) -> tuple[Notification, ...]:
    if not analysis.exhausted:
        return ()
    text = "the analysis ran out of its budget: what is reported is true, paths it did not reach are not known"
    return (Notification("budget", text, lost=True),)


def _concerning(group: Group, program: Program, concerns: Callable[[Witness], bool] | None) -> Group | None:
    """`group` with a member in front whose path `concerns` the user, None if there is none."""
    from barrierlint.rules.narrate import witness

    if concerns is None:
        return group
    for at, defect in enumerate(group.members):
        if concerns(witness(defect, program.functions)):
            return replace(group, members=(defect, *group.members[:at], *group.members[at + 1 :]))
    return None


def _finding(group: Group, program: Program, rules: Sequence[Rule], repairs: Repairs) -> Finding | None:
    from barrierlint.rules.drawing import graphs
    from barrierlint.rules.narrate import witness
    from barrierlint.rules.rule import instructions

    defect = group.shown
    rule = next((rule for rule in rules if rule.speaks_of(defect)), None)
    if rule is None:
        return None
    confidence = _confidence(defect)
    steps = witness(defect, program.functions)
    proposal, unrepaired = repairs.repair(group)
    said = rule.message(defect, steps) if rule.message else None
    return Finding(
        rule.info.id,
        said or _message(confidence, rule.sentence(defect), steps.write, steps.access),
        _severity(rule, confidence),
        confidence,
        steps,
        rule.missing(defect),
        instructions(rule.missing(defect)),
        defect.leaf.evidence,
        tuple(_also(group, program)),
        proposal,
        unrepaired=unrepaired,
        paths=len(group.members),
        grounds=rule.grounds(defect) if rule.grounds else "",
        graphs=graphs(defect, program.functions),
    )


def _confidence(defect: Defect) -> Confidence:
    from barrierlint.dataflow.relations import Relation

    names = {Relation.EXACT: Confidence.EXACT, Relation.BOUNDARY: Confidence.BOUNDARY}
    return names.get(defect.relation, Confidence.POSSIBLE)


def _severity(rule: Rule, confidence: Confidence) -> Severity:
    """The rule's own, where the dependence is certain; advice stays advice."""
    if rule.info.severity is Severity.ERROR and confidence is not Confidence.EXACT:
        return Severity.WARNING
    return rule.info.severity


def _message(confidence: Confidence, sentence: str, write: WitnessStep, end: WitnessStep) -> str:
    from barrierlint.rules.narrate import short

    writer = f"the descriptor write in {short(write.function)}()"
    if confidence is Confidence.BOUNDARY:
        return (
            f"{short(end.function)}() returns with {writer} unsynchronized: {sentence.replace(' between', ' after it')}"
        )
    verb = "depends" if confidence is Confidence.EXACT else "may depend"
    return f"this access {verb} on {writer}: {sentence}"


def _also(group: Group, program: Program) -> list[WitnessStep]:
    """Where else the same defect shows: one step a place, instantiations folded."""
    from barrierlint.rules.narrate import witness

    seen = {_place(witness(group.shown, program.functions).steps[-1])}
    also: list[WitnessStep] = []
    for member in group.members[1:]:
        last = witness(member, program.functions).steps[-1]
        if _place(last) not in seen:
            seen.add(_place(last))
            also.append(last)
    return also


def _place(step: WitnessStep) -> tuple[object, str]:
    return (step.span, step.role)
