"""Members of .NET types, as far as scripts use them: properties, methods, statics, constructors."""

from __future__ import annotations

from harness.twin.shell.dotnet import collections, dates, reflection, regularexpressions, statics, strings, xmlnodes

__all__ = ["collections", "dates", "reflection", "regularexpressions", "statics", "strings", "xmlnodes"]
