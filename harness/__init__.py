"""Hardware-in-the-loop test harness for Azure Local update workflows."""

__version__ = "0.1.0"
