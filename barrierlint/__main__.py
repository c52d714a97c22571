"""`python -m barrierlint` and the command `barrierlint`: a Ctrl-C is one line from the first import on."""

import sys


def entry() -> None:
    """Run the command line of this process, and leave with its status."""
    try:
        from barrierlint import cli

        cli.entry()
    except KeyboardInterrupt:
        sys.stderr.write("barrierlint: interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    entry()
