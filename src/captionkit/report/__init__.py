"""A run or an evaluation as one self-contained HTML file."""

from __future__ import annotations

from captionkit.report.findings import Example, Judging, Report, Words, describe_run, describe_split
from captionkit.report.page import format_report

__all__ = ["Example", "Judging", "Report", "Words", "describe_run", "describe_split", "format_report"]
