"""COM objects in the shell: how they are made, and how they fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from harness.twin.shell.dotnet.registry import method
from harness.twin.shell.errors import NetError, NetException, runtime_error
from harness.twin.shell.objects import ComputedProperty, NetList, NoteProperty, PSMethod, PSObject

COM_OBJECT: Final = "System.__ComObject"
E_ACCESSDENIED: Final = 0x80070005


def signed(code: int) -> int:
    """An HRESULT as PowerShell shows it: a signed number of 32 bits."""
    return code - 2**32 if code >= 2**31 else code


class ComCollection(NetList):
    """A collection of COM objects: ``Count``, ``Item(i)``, ``Add``, and it can be enumerated."""

    __slots__ = ()

    def __init__(self, items: Iterable[object] = ()) -> None:
        super().__init__(items, COM_OBJECT)


@method(ComCollection, "Item", "int index")
def _item(this: ComCollection, index: int) -> object:
    if not 0 <= index < len(this):
        raise com_error(0x8002000B, "Invalid index.")
    return this[index]


def com_error(code: int, text: str = "") -> NetError:
    """A failed call.  Denied access is an exception class of its own, with its known words ([P] WinRM sessions)."""
    if code == E_ACCESSDENIED:
        message = "Access is denied. (Exception from HRESULT: 0x80070005 (E_ACCESSDENIED))"
        return NetError(NetException("System.UnauthorizedAccessException", message, None, {"HResult": signed(code)}))
    shown = f"{text} (Exception from HRESULT: 0x{code:08X})" if text else f"Exception from HRESULT: 0x{code:08X}"
    kind = "System.Runtime.InteropServices.COMException"
    return NetError(NetException(kind, shown, None, {"HResult": signed(code)}))


def com_object(name: str) -> PSObject:
    """A COM object without members; *name* is that of its interface."""
    return PSObject(None, (f"{COM_OBJECT}#{name}", COM_OBJECT, "System.Object"), net_type=COM_OBJECT)


def add_value(target: PSObject, name: str, value: object) -> None:
    """A property that can be read and set."""
    target.members[name.lower()] = NoteProperty(name, value)


def add_reading(target: PSObject, name: str, read: Callable[[], object]) -> None:
    """A property that is asked for each time; reading it may fail."""

    def get(_this: object) -> object:
        try:
            return read()
        except NetError as fault:
            raise runtime_error(
                f'Exception getting "{name}": "{fault.exception.message}"',
                "ExceptionWhenGetting",
                "NotSpecified",
                type_name="System.Management.Automation.GetValueInvocationException",
                inner=fault.exception,
            ) from None

    target.members[name.lower()] = ComputedProperty(name, get, kind="Property")


def add_method(target: PSObject, name: str, call: Callable[..., object]) -> None:
    """A method; it is called with the arguments alone."""
    target.members[name.lower()] = PSMethod(name, lambda _this, *arguments: call(*arguments))
