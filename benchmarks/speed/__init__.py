"""What barrierlint costs beside the compiler and its peers: CPU time, as ratios of medians taken in one run.

`timing` measures processes, `sources` writes what is measured, `works` says what is compared with what, `growth` how
time grows with size, `results` writes RESULTS.md and the plots.
"""
