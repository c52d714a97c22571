"""barrierlint: find missing barriers in AArch64 page-table code, and prove it."""

__version__ = "0.1.0"
