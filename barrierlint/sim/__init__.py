"""The simulator: PEs, memory, TLBs and walkers, explored exhaustively; litmus tests; confirmation of findings.

It shares only terms, events and findings with the analysis that it confirms. What it does not model is said in each
module.
"""
