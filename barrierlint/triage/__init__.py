"""Which findings a reader is to see: not those suppressed in the source, known from a baseline, or outside a change.

What it does not do: find anything, or decide how what is left is shown.
"""
