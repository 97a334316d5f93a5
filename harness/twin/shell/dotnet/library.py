"""All declared .NET members: importing this module fills the registry."""

from __future__ import annotations

from harness.twin.shell.dotnet import collections, dates, reflection, regularexpressions, statics, strings, xmlnodes

__all__ = ["collections", "dates", "reflection", "regularexpressions", "statics", "strings", "xmlnodes"]
