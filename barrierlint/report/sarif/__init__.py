"""SARIF 2.1.0, and the only package that knows `sarif_om`: `render` gives a log. It does not read logs."""

from barrierlint.report.sarif.log import render

__all__ = ["render"]
