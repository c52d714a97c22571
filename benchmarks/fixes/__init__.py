"""Measures barrierlint on real fixes: is the defect flagged at the parent, gone at the fix, and what else is said?

`python -m benchmarks.fixes --repos DIR` (`--help` tells the rest). `fixes.tsv` lists the fixes, `classes.tsv` which
rules count as the right answer to which class and why, `verdicts.tsv` what a reader of the code says of findings that
remain. Nothing is tuned for a commit: the files are those that it touches and their context, models are found by
themselves.

What it does not do: fetch anything, or run anything of an analysed repository.
"""
