"""Exceptions as .NET Framework has them: properties, numbers, constructors ([D] .NET reference; order [GK])."""

from __future__ import annotations

from typing import Final

from harness.twin.shell.dotnet.registry import PRESENT, constructor, method, prop
from harness.twin.shell.errors import BASES, RUNTIME, ErrorRecord, NetException
from harness.twin.shell.objects import PSHashtable
from harness.twin.shell.text import to_text

_ARGUMENT: Final = "System.ArgumentException"
_DATA: Final = "System.Collections.ListDictionaryInternal"
_NUMBERS: Final = {
    "System.Exception": -2146233088,
    "System.SystemException": -2146233087,
    "System.ArgumentException": -2147024809,
    "System.ArgumentNullException": -2147467261,
    "System.ArgumentOutOfRangeException": -2146233086,
    "System.ArithmeticException": -2147024362,
    "System.DivideByZeroException": -2147352558,
    "System.OverflowException": -2146233066,
    "System.FormatException": -2146233033,
    "System.InvalidCastException": -2147467262,
    "System.InvalidOperationException": -2146233079,
    "System.NotSupportedException": -2146233067,
    "System.NotImplementedException": -2147467263,
    "System.TimeoutException": -2146233083,
    "System.UnauthorizedAccessException": -2147024891,
    "System.NullReferenceException": -2147467261,
    "System.IndexOutOfRangeException": -2146233080,
    "System.RankException": -2146233065,
    "System.OperationCanceledException": -2146233029,
    "System.Collections.Generic.KeyNotFoundException": -2146232969,
    "System.IO.IOException": -2146232800,
    "System.IO.FileNotFoundException": -2147024894,
    "System.IO.DirectoryNotFoundException": -2147024893,
    "System.Xml.XmlException": -2146232000,
    "System.ApplicationException": -2146232832,
    "System.ComponentModel.Win32Exception": -2147467259,
    "System.ObjectDisposedException": -2146232798,
    "System.Security.SecurityException": -2146233078,
}
"""``HResult`` by class; a class without one has that of its base."""
_ONLY: Final = {
    "errorrecord": RUNTIME,
    "wasthrownfromthrowstatement": RUNTIME,
    "commandname": "System.Management.Automation.CommandNotFoundException",
    "parametername": "System.Management.Automation.ParameterBindingException",
    "paramname": _ARGUMENT,
    "actualvalue": "System.ArgumentOutOfRangeException",
    "filename": "System.IO.FileNotFoundException",
    "status": "System.Net.WebException",
    "response": "System.Net.WebException",
}
"""Properties that only some classes have, and the class that declares them."""


def _number(this: NetException) -> object:
    own = this.properties.get("HResult")
    if own is not None:
        return own
    return next((_NUMBERS[name] for name in this.type_names if name in _NUMBERS), _NUMBERS["System.Exception"])


def _declares(this: NetException, low: str) -> bool:
    owner = _ONLY.get(low)
    return owner is None or owner in this.type_names


def _data(this: NetException) -> object:
    return this.properties.setdefault("Data", PSHashtable((), _DATA))


PRESENT[NetException] = _declares
prop(NetException, "ErrorRecord", lambda this: _own_record(this))
prop(NetException, "WasThrownFromThrowStatement", lambda this: this.properties.get("Thrown", False))
prop(NetException, "CommandName", lambda this: this.properties.get("CommandName"))
prop(NetException, "ParameterName", lambda this: this.properties.get("ParameterName"))
prop(NetException, "Message", lambda this: this.message)
prop(NetException, "ParamName", lambda this: this.properties.get("ParamName"))
prop(NetException, "ActualValue", lambda this: this.properties.get("ActualValue"))
prop(NetException, "FileName", lambda this: this.properties.get("FileName"))
prop(NetException, "Status", lambda this: this.properties.get("Status"))
prop(NetException, "Response", lambda this: this.properties.get("Response"))
prop(NetException, "Data", _data)
prop(NetException, "InnerException", lambda this: this.inner)
prop(NetException, "TargetSite", lambda _this: None)
prop(NetException, "StackTrace", lambda this: this.properties.get("StackTrace"))
prop(NetException, "HelpLink", lambda this: this.properties.get("HelpLink"))
prop(
    NetException,
    "Source",
    lambda this: this.properties.get("Source"),
    lambda this, value: this.properties.__setitem__("Source", to_text(value)),
)
prop(NetException, "HResult", _number)


def _own_record(this: NetException) -> ErrorRecord:
    if this.record is None:
        this.record = ErrorRecord(this, this.short_name)
    return this.record


@method(NetException, "GetBaseException")
def base_exception(this: NetException) -> NetException:
    """The innermost exception."""
    while this.inner is not None:
        this = this.inner
    return this


def _argument_text(message: str, name: str | None) -> str:
    return f"{message}\r\nParameter name: {name}" if name else message


def _exception_constructor(name: str) -> None:
    @constructor(name, "", "string message", "string message, Exception innerException")
    def make(message: str | None = None, inner: object = None) -> NetException:
        text = f"Exception of type '{name}' was thrown." if message is None else message
        return NetException(name, text, inner if isinstance(inner, NetException) else None)


def _named_argument(name: str, default: str) -> None:
    """Classes whose first text is the parameter's name."""

    @constructor(name, "", "string paramName", "string paramName, string message", "string message, Exception inner")
    def make(first: str | None = None, second: object = None) -> NetException:
        if isinstance(second, NetException):
            return NetException(name, first or "", second)
        text = _argument_text(to_text(second) if second is not None else default, first)
        return NetException(name, text, None, {"ParamName": first})


@constructor(_ARGUMENT, "", "string message", "string message, Exception inner", "string message, string paramName")
def new_argument(message: str | None = None, second: object = None) -> NetException:
    """A bad argument, with the parameter's name when it is known."""
    text = "Value does not fall within the expected range." if message is None else message
    if isinstance(second, NetException):
        return NetException(_ARGUMENT, text, second)
    return NetException(_ARGUMENT, _argument_text(text, to_text(second)), None, {"ParamName": second})


_NAMED: Final = {
    "System.ArgumentNullException": "Value cannot be null.",
    "System.ArgumentOutOfRangeException": "Specified argument was out of the range of valid values.",
}


@constructor("System.IO.FileNotFoundException", "string message, string fileName")
def new_missing_file(message: str, name: str) -> NetException:
    """A file that is not there, by its name."""
    return NetException("System.IO.FileNotFoundException", message, None, {"FileName": name})


for _name in BASES:
    if _name in _NAMED:
        _named_argument(_name, _NAMED[_name])
    elif _name != _ARGUMENT:
        _exception_constructor(_name)
