"""The page of a network's analysis: one HTML file that needs nothing but itself."""

from dcsc.report.page import page
from dcsc.report.table import row
from dcsc.report.words import at_a_glance

__all__ = ["at_a_glance", "page", "row"]
