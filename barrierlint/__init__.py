"""barrierlint: finds missing barriers in AArch64 page-table code, and proves each by simulation."""

__version__ = "0.1.0"

HOMEPAGE = "https://github.com/barrierlint/barrierlint"
"""Where reports send readers who want to know more of the tool."""
