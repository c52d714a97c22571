"""Run `python -m barrierlint`: the command line of barrierlint.cli."""

from barrierlint.cli import entry

entry()
