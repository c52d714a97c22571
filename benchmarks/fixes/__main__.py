"""`python -m benchmarks.fixes --repos DIR`: see `benchmarks.fixes`.

Exit status 0 if the rows could be run, whatever was found; 2 for wrong usage.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from benchmarks.fixes import results
from benchmarks.fixes.clones import GitError, Tree, alone, find, git, lay_out, resolve
from benchmarks.fixes.context import Files, both, gather
from benchmarks.fixes.judging import Row, judge
from benchmarks.fixes.keeping import keep, kept
from benchmarks.fixes.running import ROOT, Outcome, run
from benchmarks.fixes.table import Fix, TableError, classes, fixes, verdicts

RESULTS = Path(__file__).parent / "RESULTS.md"


def measure(
    fix: Fix, repos: Path, trees: Path, limit: float, extra: tuple[str, ...] = (), store: Path | None = None
) -> Row:
    """Run one row; whatever fails costs this row only."""
    clone = find(repos, fix.repo)
    if clone is None:
        return Row(fix, Outcome(), Outcome(), skipped="no clone")
    commits = resolve(clone, fix.sha)
    if commits is None:
        return Row(fix, Outcome(), Outcome(), skipped=f"the clone lacks this commit or its parent ({clone.name})")
    folder = trees / fix.repo.replace("/", "+")
    try:
        with alone(folder):
            return _compare(fix, lay_out(clone, folder), commits, limit, extra, store)
    except (GitError, OSError) as error:
        return Row(fix, Outcome(), Outcome(), skipped=str(error))


def files_of(tree: Tree, commits: tuple[str, str]) -> Files:
    """The files of a fix, by both of its sides; the fix is checked out then."""
    found = []
    for commit, lines in zip(commits, tree.touched(*commits), strict=True):
        tree.at(commit)
        found.append(gather(tree, lines))
    return both(*found)


def _compare(
    fix: Fix, tree: Tree, commits: tuple[str, str], limit: float, extra: tuple[str, ...], store: Path | None
) -> Row:
    known = kept(store, fix.sha) if store else None
    if known:
        return judge(fix, known[0][0], known[0][1], classes(), known[1], verdicts())
    files = files_of(tree, commits).all
    outcomes = []
    for commit in commits:
        tree.at(commit)
        there = tuple(path for path in files if (tree.folder / path).is_file())
        outcomes.append(run(tree.folder, there, limit, extra))
    if store:
        keep(store, fix.sha, outcomes, files)
    return judge(fix, outcomes[0], outcomes[1], classes(), files, verdicts())


def measured(rows: Sequence[Fix], jobs: int, options: argparse.Namespace) -> list[Row]:
    """Run the rows; those of one repository share a tree and follow each other. An interrupt leaves those done."""
    done: dict[Fix, Row] = {}
    repos: dict[str, list[Fix]] = {}
    for fix in rows:
        repos.setdefault(fix.repo, []).append(fix)

    def one(group: list[Fix]) -> None:
        for fix in group:
            if not interrupted.is_set():
                row = measure(fix, options.repos, options.trees, options.limit, tuple(options.arg), store)
                done[fix] = row
                print(results.line(row), *(results.details(row) if options.verbose else ()), sep="\n", flush=True)

    store = options.trees / "kept" / version() if options.resume else None
    interrupted = Event()
    with ThreadPoolExecutor(jobs) as pool:
        running = [pool.submit(one, group) for group in repos.values()]
        try:
            for future in running:
                future.result()
        except KeyboardInterrupt:
            interrupted.set()
            print("interrupted: the rows that run now are the last", file=sys.stderr)
    return [done.get(fix, Row(fix, Outcome(), Outcome(), skipped="interrupted before it")) for fix in rows]


def version() -> str:
    """The commit of barrierlint."""
    return git(ROOT, "describe", "--always", "--dirty").strip()


def parser() -> argparse.ArgumentParser:
    """The words of the command line."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "barrierlint-fixes"
    words = argparse.ArgumentParser(prog="python -m benchmarks.fixes", description=__doc__)
    words.add_argument(
        "--repos", type=Path, required=True, metavar="DIR", help="clones: owner+name, owner/name or name"
    )
    words.add_argument("--only", action="append", metavar="PATTERN", help="rows whose repository, commit, … match")
    words.add_argument("--jobs", type=int, default=1, metavar="N", help="repositories at a time (default: 1)")
    words.add_argument("--limit", type=float, default=120, metavar="SECONDS", help="CPU time of a side (default: 120)")
    words.add_argument("--trees", type=Path, default=cache, metavar="DIR", help=f"work trees (default: {cache})")
    words.add_argument("--table", type=Path, metavar="FILE", help="another table of fixes")
    words.add_argument("--results", type=Path, metavar="FILE", help=f"default: {RESULTS.name}, unless --only is given")
    words.add_argument("--arg", action="append", default=[], metavar="ARG", help="an argument for barrierlint check")
    words.add_argument("--resume", action="store_true", help="go on where a run of this commit ended")
    words.add_argument("--verbose", action="store_true", help="list the findings of each row")
    words.add_argument("--files", action="store_true", help="list the files of each row; run nothing")
    return words


def listing(fix: Fix, options: argparse.Namespace) -> str:
    """The files of a row, one a line."""
    clone = find(options.repos, fix.repo)
    commits = resolve(clone, fix.sha) if clone else None
    if clone is None or commits is None:
        return f"{fix.repo} {fix.short}: not in the clones"
    tree = lay_out(clone, options.trees / fix.repo.replace("/", "+"))
    files = files_of(tree, commits)
    return "\n  ".join(
        [f"{fix.repo} {fix.short}: {' '.join(files.functions)}", *files.touched, *map("+ {}".format, files.context)]
    )


def main(words: Sequence[str] | None = None) -> int:
    """Run what is asked, print a line a row, write the page."""
    options = parser().parse_args(words)
    options.trees = options.trees.resolve()
    try:
        rows = fixes(options.table) if options.table else fixes()
        chosen = [fix for fix in rows if not options.only or any(fix.matches(pattern) for pattern in options.only)]
        opinions = verdicts()
        if options.files:
            for fix in chosen:
                print(listing(fix, options), flush=True)
            return 0
        done = measured(chosen, max(options.jobs, 1), options)
    except (TableError, GitError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(results.summary(done))
    target = options.results or (None if options.only or options.table else RESULTS)
    if target:
        text = results.markdown(done, classes(), opinions, version())
        target.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
