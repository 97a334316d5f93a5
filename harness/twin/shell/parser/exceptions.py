"""The exception classes whose descent the parser knows, to find catch blocks that can never be reached.

[D] .NET Framework class library: base classes. A class that is not listed is taken as unknown, as one from a module
that is not loaded would be.
"""

from __future__ import annotations

from typing import Final

_BASES: Final = {
    "System.Exception": "",
    "System.SystemException": "System.Exception",
    "System.ApplicationException": "System.Exception",
    "System.ArgumentException": "System.SystemException",
    "System.ArgumentNullException": "System.ArgumentException",
    "System.ArgumentOutOfRangeException": "System.ArgumentException",
    "System.ArithmeticException": "System.SystemException",
    "System.DivideByZeroException": "System.ArithmeticException",
    "System.OverflowException": "System.ArithmeticException",
    "System.FormatException": "System.SystemException",
    "System.IndexOutOfRangeException": "System.SystemException",
    "System.InvalidCastException": "System.SystemException",
    "System.InvalidOperationException": "System.SystemException",
    "System.ObjectDisposedException": "System.InvalidOperationException",
    "System.NotImplementedException": "System.SystemException",
    "System.NotSupportedException": "System.SystemException",
    "System.NullReferenceException": "System.SystemException",
    "System.OperationCanceledException": "System.SystemException",
    "System.TimeoutException": "System.SystemException",
    "System.UnauthorizedAccessException": "System.SystemException",
    "System.IO.IOException": "System.SystemException",
    "System.IO.DirectoryNotFoundException": "System.IO.IOException",
    "System.IO.FileNotFoundException": "System.IO.IOException",
    "System.IO.PathTooLongException": "System.IO.IOException",
    "System.Net.WebException": "System.InvalidOperationException",
    "System.Management.Automation.RuntimeException": "System.SystemException",
    "System.Management.Automation.CommandNotFoundException": "System.Management.Automation.RuntimeException",
    "System.Management.Automation.ItemNotFoundException": "System.Management.Automation.SessionStateException",
    "System.Management.Automation.SessionStateException": "System.Management.Automation.RuntimeException",
    "System.Management.Automation.ParameterBindingException": "System.Management.Automation.RuntimeException",
    "System.Management.Automation.PSInvalidCastException": "System.InvalidCastException",
}
_BY_LOWER: Final = {name.lower(): name for name in _BASES}


def known_exception(written: str) -> str | None:
    """The full name of an exception class as written in a script (``System.`` may be missing)."""
    lower = written.lower()
    return _BY_LOWER.get(lower) or _BY_LOWER.get(f"system.{lower}")


def is_same_or_derived(name: str, base: str) -> bool:
    """Whether the class ``name`` is ``base`` or descends from it; both full names."""
    while name:
        if name == base:
            return True
        name = _BASES.get(name, "")
    return False
