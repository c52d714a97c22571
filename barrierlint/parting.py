"""All parts of a run analysed: from the cache, or by workers, several in one go.

Whoever carries a part out, what is found is the same. A part whose process ends is lost and said to be, and costs no
other. What it does not do: decide what is a part, which is `linking.parts`'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from barrierlint import checking
from barrierlint.checking import GONE, Asked, Context, Found, Task
from barrierlint.finding import Notification, Severity
from barrierlint.frozen import dataclass
from barrierlint.linking.gathering import Gathered
from barrierlint.linking.losses import PASSING, listed
from barrierlint.linking.parts import Part, parts
from barrierlint.linking.store import digest

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

    from barrierlint.linking.processes import Failed

_TURNS = 8
"""About how many tasks each process gets, so that none waits long for another."""
_MOST = 64
"""Parts in one task at most."""

Numbered = tuple[int, Part]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of every part, and what all tell each."""

    asked: Asked
    context: Context


def question(gathered: Gathered, asked: Asked) -> Question:
    """Return what is asked of every part of a run."""
    outlines = gathered.outlines
    lent = dict.fromkeys(line for one in outlines for line in one.lends)
    return Question(asked, Context(frozenset().union(*(one.traits for one in outlines)), tuple(lent)))


def all_found(gathered: Gathered, wanted: Asked, told: Callable[[str, int, int], None] | None) -> list[Found]:
    """Return what is found in each part, in order."""
    asked = question(gathered, wanted)
    every = [part for part in parts(gathered.outlines) if any(_named(gathered, part))]
    known = {number: found for number, part in enumerate(every) if (found := _kept(gathered, part, asked)) is not None}
    missing = [(number, part) for number, part in enumerate(every) if number not in known]
    if missing:
        with gathered.workers(max(len(part.units) for _, part in missing)) as executor:
            for number, part, found in _carried_out(gathered, missing, asked, executor, told):
                known[number] = found
                _keep(gathered, part, asked, found)
    return [known[number] for number in range(len(every))]


def _named(gathered: Gathered, part: Part) -> tuple[bool, ...]:
    """Which units of a part the user named."""
    return tuple(number < len(gathered.paths) for number in part.units)


def _key(gathered: Gathered, part: Part, asked: Question) -> str:
    units = zip(gathered.kept(part.units), _named(gathered, part), strict=True)
    return digest(
        "part", *asked.asked.facts, *asked.context.facts, "of", *(f"{one.digest} {is_named}" for one, is_named in units)
    )


def _kept(gathered: Gathered, part: Part, asked: Question) -> Found | None:
    from barrierlint.linking.codec import CodecError

    data = gathered.store.get(_key(gathered, part, asked))
    try:
        return checking.read(data) if data is not None else None
    except CodecError:
        return None


def _keep(gathered: Gathered, part: Part, asked: Question, found: Found) -> None:
    from barrierlint.linking import codec

    if gathered.store.folder is not None and not any(note.kind in PASSING for note in found.notifications):
        gathered.store.put(_key(gathered, part, asked), codec.encode(found, Found).encode("utf-8", "surrogatepass"))


def _carried_out(
    gathered: Gathered,
    missing: Sequence[Numbered],
    asked: Question,
    executor: Executor | None,
    told: Callable[[str, int, int], None] | None,
) -> Iterator[tuple[int, Part, Found]]:
    """Analyse parts: the largest first, so that the last to end is a small one."""
    batches = list(_batches(gathered, missing, executor))
    if executor is not None and len(batches) > 1:
        checking.prepare()
    started = [(batch, _submit(gathered, batch, asked, executor)) for batch in batches]
    done = 0
    for batch, future in started:
        if told is not None:
            told("analysing", done, len(missing))
        done += len(batch)
        for (number, part), found in zip(batch, _answers(gathered, batch, asked, executor, future), strict=True):
            yield number, part, found


def _batches(gathered: Gathered, missing: Sequence[Numbered], executor: Executor | None) -> Iterator[list[Numbered]]:
    """Parts that one task analyses: small ones together, in order of size."""
    if executor is None:
        yield from ([one] for one in missing)
        return
    ordered = sorted(missing, key=lambda one: (-len(one[1].units), one[0]))
    enough = sum(len(part.units) for _, part in missing) / (_TURNS * gathered.jobs)
    batch: list[Numbered] = []
    for one in ordered:
        batch.append(one)
        if sum(len(part.units) for _, part in batch) >= enough or len(batch) >= _MOST:
            yield batch
            batch = []
    if batch:
        yield batch


def _tasks(gathered: Gathered, batch: Sequence[Numbered], asked: Question) -> list[Task]:
    return [
        Task(gathered.kept(part.units), _named(gathered, part), gathered.models, asked.asked, asked.context)
        for _, part in batch
    ]


def _submit(
    gathered: Gathered, batch: Sequence[Numbered], asked: Question, executor: Executor | None
) -> Future[bytes] | None:
    return executor.submit(checking.check, _tasks(gathered, batch, asked)) if executor is not None else None


def _answers(
    gathered: Gathered,
    batch: Sequence[Numbered],
    asked: Question,
    executor: Executor | None,
    future: Future[bytes] | None,
) -> list[Found]:
    """What a task found in each of its parts. One that ended without an answer is tried part by part, one whose units
    are gone from the cache once they are read again.
    """
    from barrierlint.linking.processes import Failed

    try:
        data = future.result() if future is not None else checking.check(_tasks(gathered, batch, asked))
    except Failed as failure:
        if len(batch) == 1:
            return [Found(notifications=(_lost(gathered, batch[0][1], failure),))]
        return [_alone(gathered, one, asked, executor) for one in batch]
    lines = data.split(b"\n")
    return [
        checking.read(line) if line != GONE else _read_again(gathered, one, asked, executor)
        for one, line in zip(batch, lines, strict=True)
    ]


def _alone(gathered: Gathered, one: Numbered, asked: Question, executor: Executor | None) -> Found:
    (found,) = _answers(gathered, [one], asked, executor, _submit(gathered, [one], asked, executor))
    return found


def _read_again(gathered: Gathered, one: Numbered, asked: Question, executor: Executor | None) -> Found:
    gathered.read_again(one[1].units)
    return _alone(gathered, one, asked, executor)


def _lost(gathered: Gathered, part: Part, failure: Failed) -> Notification:
    paths = [kept.path for kept in gathered.kept(part.units)]
    remedy = {"timeout": "raise --time-limit", "memory": "raise --memory-limit"}.get(failure.what, "please report it")
    text = f"{listed(paths)}: could not be analysed: barrierlint {failure.why}; {remedy}"
    return Notification(failure.what, text, None, True, Severity.ERROR)
