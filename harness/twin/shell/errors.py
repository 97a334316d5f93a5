"""Errors as PowerShell has them: exceptions, error records, and the signals that leave loops, functions and scripts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from harness.twin.shell.ast import Extent, SourceText
    from harness.twin.shell.objects import Member

# Class names and their bases, as far as scripts ask for them; everything else derives from System.Exception.
_AUTOMATION: Final = "System.Management.Automation."
BASES: Final[dict[str, str]] = {
    "System.Exception": "System.Object",
    "System.SystemException": "System.Exception",
    "System.ArithmeticException": "System.SystemException",
    "System.DivideByZeroException": "System.ArithmeticException",
    "System.OverflowException": "System.ArithmeticException",
    "System.ArgumentException": "System.SystemException",
    "System.ArgumentNullException": "System.ArgumentException",
    "System.ArgumentOutOfRangeException": "System.ArgumentException",
    "System.FormatException": "System.SystemException",
    "System.InvalidCastException": "System.SystemException",
    "System.InvalidOperationException": "System.SystemException",
    "System.NotSupportedException": "System.SystemException",
    "System.NotImplementedException": "System.SystemException",
    "System.TimeoutException": "System.SystemException",
    "System.UnauthorizedAccessException": "System.SystemException",
    "System.NullReferenceException": "System.SystemException",
    "System.IndexOutOfRangeException": "System.SystemException",
    "System.RankException": "System.SystemException",
    "System.OperationCanceledException": "System.SystemException",
    "System.Collections.Generic.KeyNotFoundException": "System.SystemException",
    "System.IO.IOException": "System.SystemException",
    "System.IO.FileNotFoundException": "System.IO.IOException",
    "System.IO.DirectoryNotFoundException": "System.IO.IOException",
    "System.Xml.XmlException": "System.SystemException",
    "System.Xml.XPath.XPathException": "System.SystemException",
    "System.ApplicationException": "System.Exception",
    "System.AggregateException": "System.Exception",
    "System.Net.WebException": "System.InvalidOperationException",
    "System.ComponentModel.Win32Exception": "System.SystemException",
    "System.Net.Sockets.SocketException": "System.ComponentModel.Win32Exception",
    "System.Security.SecurityException": "System.SystemException",
    "System.ObjectDisposedException": "System.InvalidOperationException",
    "Microsoft.Management.Infrastructure.CimException": "System.Exception",
    "System.Management.Automation.RemoteException": "System.Management.Automation.RuntimeException",
    _AUTOMATION + "Remoting.PSRemotingTransportException": _AUTOMATION + "RuntimeException",
    "System.Management.Automation.PropertyNotFoundException": "System.Management.Automation.RuntimeException",
    _AUTOMATION + "RuntimeException": "System.SystemException",
    _AUTOMATION + "CommandNotFoundException": _AUTOMATION + "RuntimeException",
    _AUTOMATION + "ParameterBindingException": _AUTOMATION + "RuntimeException",
    _AUTOMATION + "ParameterBindingValidationException": _AUTOMATION + "ParameterBindingException",
    _AUTOMATION + "ParameterBindingArgumentTransformationException": _AUTOMATION + "ParameterBindingException",
    _AUTOMATION + "CmdletInvocationException": _AUTOMATION + "RuntimeException",
    _AUTOMATION + "ActionPreferenceStopException": _AUTOMATION + "RuntimeException",
    _AUTOMATION + "MethodException": _AUTOMATION + "ExtendedTypeSystemException",
    _AUTOMATION + "MethodInvocationException": _AUTOMATION + "MethodException",
    _AUTOMATION + "ExtendedTypeSystemException": _AUTOMATION + "RuntimeException",
    _AUTOMATION + "SetValueException": _AUTOMATION + "ExtendedTypeSystemException",
    _AUTOMATION + "SetValueInvocationException": _AUTOMATION + "SetValueException",
    _AUTOMATION + "GetValueException": _AUTOMATION + "ExtendedTypeSystemException",
    _AUTOMATION + "GetValueInvocationException": _AUTOMATION + "GetValueException",
    _AUTOMATION + "PSInvalidCastException": "System.InvalidCastException",
    _AUTOMATION + "PSArgumentException": "System.ArgumentException",
    _AUTOMATION + "PSArgumentNullException": "System.ArgumentNullException",
    _AUTOMATION + "PSArgumentOutOfRangeException": "System.ArgumentOutOfRangeException",
    _AUTOMATION + "PSInvalidOperationException": "System.InvalidOperationException",
    _AUTOMATION + "PSNotSupportedException": "System.NotSupportedException",
    _AUTOMATION + "SessionStateException": _AUTOMATION + "RuntimeException",
    _AUTOMATION + "SessionStateUnauthorizedAccessException": _AUTOMATION + "SessionStateException",
    _AUTOMATION + "ItemNotFoundException": _AUTOMATION + "SessionStateException",
    _AUTOMATION + "DriveNotFoundException": _AUTOMATION + "SessionStateException",
    _AUTOMATION + "ParseException": _AUTOMATION + "RuntimeException",
    _AUTOMATION + "IncompleteParseException": _AUTOMATION + "ParseException",
    _AUTOMATION + "ParentContainsErrorRecordException": "System.SystemException",
    _AUTOMATION + "ValidationMetadataException": _AUTOMATION + "MetadataException",
    _AUTOMATION + "MetadataException": _AUTOMATION + "RuntimeException",
    _AUTOMATION + "ArgumentTransformationMetadataException": _AUTOMATION + "MetadataException",
    _AUTOMATION + "WildcardPatternException": _AUTOMATION + "RuntimeException",
    "Microsoft.PowerShell.Commands.WriteErrorException": "System.SystemException",
}


class NetException:
    """A .NET exception as a value: class name, message, the exception it wraps, and further properties."""

    __slots__ = ("derived", "extra", "inner", "message", "properties", "record", "type_name")

    def __init__(
        self,
        type_name: str,
        message: str,
        inner: NetException | None = None,
        properties: dict[str, object] | None = None,
    ) -> None:
        self.type_name = type_name
        self.message = message
        self.inner = inner
        self.properties = properties or {}
        self.record: ErrorRecord | None = None
        self.extra: dict[str, Member] | None = None
        self.derived: tuple[str, ...] = ()

    @property
    def type_names(self) -> tuple[str, ...]:
        """The class and its bases; those of a script's class are not in ``BASES``."""
        return self.derived or exception_chain(self.type_name)

    def take(self, other: object) -> None:
        """Message, inner exception and properties of another one, which stands for a base's constructor."""
        if isinstance(other, NetException):
            self.message, self.inner, self.properties = other.message, other.inner, other.properties

    @property
    def short_name(self) -> str:
        """The class name without its namespace."""
        return self.type_name.rpartition(".")[2]


def exception_chain(type_name: str) -> tuple[str, ...]:
    """A class name and those of its bases."""
    chain, current = [], type_name
    while current != "System.Object":
        chain.append(current)
        current = BASES.get(current, "System.Exception" if current != "System.Exception" else "System.Object")
    return (*chain, "System.Object")


def is_exception(type_name: str) -> bool:
    """Whether a class name is that of an exception."""
    return type_name in BASES


@dataclass(slots=True, eq=False)
class Invocation:
    """Where an error comes from: the command's name and its place in the text (``InvocationInfo``)."""

    command: str = ""
    source: SourceText | None = None
    extent: Extent | None = None
    invocation_name: str = ""
    command_info: object = None
    bound: object = None
    pipeline_position: int = 1
    pipeline_length: int = 1
    unbound: tuple[object, ...] = ()


@dataclass(slots=True, eq=False)
class ErrorDetails:
    """A text that stands in for the exception's message."""

    message: str
    recommended_action: str = ""


@dataclass(slots=True, eq=False)
class ErrorRecord:
    """What stands in ``$Error`` and ``$_`` of a catch block.

    ``error_id`` is without the command; ``full_id`` is what ``FullyQualifiedErrorId`` shows.
    """

    exception: NetException
    error_id: str
    category: str = "NotSpecified"
    target: object = None
    activity: str = ""
    reason: str = ""
    target_name: str | None = None
    target_type: str | None = None
    details: ErrorDetails | None = None
    invocation: Invocation | None = None
    command_class: str = ""
    stack: str = ""
    extra: dict[str, Member] | None = field(default=None)
    reported: bool = False

    @property
    def full_id(self) -> str:
        """``FullyQualifiedErrorId``."""
        return f"{self.error_id},{self.command_class}" if self.command_class else self.error_id

    @property
    def message(self) -> str:
        """What the record says: the details, or the exception's message."""
        return self.details.message if self.details and self.details.message else self.exception.message


class PSError(Exception):
    """A terminating error on its way to a ``try``, a statement list or the end of the script.

    ``thrown``: by ``throw``; ``stop``: by an error action of Stop. Both end the script when nothing catches them;
    others end their statement only. ``leaves``: the function call that it must leave first (``ThrowTerminatingError``).
    """

    def __init__(self, record: ErrorRecord, thrown: bool = False, stop: bool = False) -> None:
        super().__init__(record.exception.message)
        self.record = record
        self.thrown = thrown
        self.stop = stop
        self.leaves: object = None


class Signal(BaseException):
    """Root of what leaves a block on purpose; never an error."""


class LoopSignal(Signal):
    """``break`` or ``continue`` on its way to its loop."""

    def __init__(self, label: str | None) -> None:
        super().__init__(label)
        self.label = label


class BreakSignal(LoopSignal):
    """``break``."""


class ContinueSignal(LoopSignal):
    """``continue``."""


class ReturnSignal(Signal):
    """``return``: output is already written."""


class ExitSignal(Signal):
    """``exit n``."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class StopUpstream(Signal):
    """A command has all it needs: everything before it in its pipeline ends."""

    def __init__(self, processor: object) -> None:
        super().__init__()
        self.processor = processor


class PipelineStopped(Signal):
    """The whole pipeline is stopped from outside (Ctrl+C, Signal)."""


RUNTIME: Final = _AUTOMATION + "RuntimeException"


def runtime_error(
    message: str,
    error_id: str,
    category: str = "InvalidOperation",
    target: object = None,
    type_name: str = RUNTIME,
    inner: NetException | None = None,
    reason: str = "",
    target_name: str | None = None,
    target_type: str | None = None,
) -> PSError:
    """An error of the language itself; it ends the statement."""
    record = ErrorRecord(
        NetException(type_name, message, inner),
        error_id,
        category,
        target,
        reason=reason,
        target_name=target_name,
        target_type=target_type,
    )
    return PSError(record)


def limitation(what: str) -> PSError:
    """The twin does not support a construct: loud, with its own error id, never empty output."""
    return runtime_error(f"twin limitation: {what}", "TwinLimitation", "NotImplemented", type_name=RUNTIME)


def net_error(type_name: str, message: str) -> NetError:
    """An exception out of a .NET member."""
    return NetError(NetException(type_name, message))


class NetError(Exception):
    """A .NET member failed; the caller wraps it as PowerShell does (``MethodInvocationException``, cast errors …)."""

    def __init__(self, exception: NetException) -> None:
        super().__init__(exception.message)
        self.exception = exception
