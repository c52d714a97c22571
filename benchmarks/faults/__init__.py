"""What a run says, and what is lost, when something breaks: workers, memory, disks, caches, signals, outputs.

`python -m benchmarks.faults` does each of `cases.CASES` to a run over a small project and asserts what is to hold: the
exit status, one line that says what happened, every other file analysed, nothing half-written, no process left, and
the next run the same as if nothing had happened. It writes `benchmarks/faults/RESULTS.md`. As root it mounts small
file systems in the folder it works in, for disks that are full or read-only; elsewhere it limits the size of files.
"""
