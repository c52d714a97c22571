"""The language server: findings as diagnostics, repairs as code actions, what a barrier does as a hover.

Analysis runs on open and on save, on the files as they are on disk, one at a time in a thread of its own. What it does
not do: analyse text that is not saved.
"""
