"""placeholder"""
from barrierlint.finding import Trace
def trace_of(program, state): return Trace(())
