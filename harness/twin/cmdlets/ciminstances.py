"""``Get-CimInstance`` and ``Get-WmiObject`` of nodes and guests: parameters, conditions, and WMI's older form.

[D] PSD 5.1, W32 WMI; texts [GK].
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from harness.twin.cmdlets.declaring import property_of
from harness.twin.cmdlets.wql import WqlError, parse_condition, split_query
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import net_error
from harness.twin.shell.objects import LOCAL, PSMethod, PSObject
from harness.twin.shell.text import to_text

_DATES_OF_THE_SHELL: Final = frozenset(["InstalledOn"])
"""In WMI the day is text; PowerShell's own type data make it a date, in both forms of the class [GK]."""
CIMV2: Final = "root/cimv2"
CIM: Final = "Microsoft.Management.Infrastructure.CimInstance"
GET_CIM: Final = (
    Parameter("ClassName", "string", position=0, mandatory=True, sets=("Class",)),
    Parameter("Query", "string", mandatory=True, sets=("Query",)),
    Parameter("Namespace", "string"),
    Parameter("Property", "string[]", aliases=("SelectProperties",)),
    Parameter("Filter", "string", sets=("Class",)),
    Parameter("ComputerName", "string[]", aliases=("CN", "ServerName")),
)
GET_WMI: Final = (
    Parameter("Class", "string", position=0, mandatory=True, sets=("Class",), aliases=("ClassName",)),
    Parameter("Property", "string[]", position=1),
    Parameter("Query", "string", mandatory=True, sets=("Query",)),
    Parameter("Namespace", "string", aliases=("NS",)),
    Parameter("Filter", "string", sets=("Class",)),
    Parameter("ComputerName", "string[]", aliases=("Cn",)),
)


def class_wanted(call: Call) -> tuple[str, str]:
    """Namespace and class, in lower case.  Raises PSError for a query that is none."""
    name = call.text("ClassName") or call.text("Class")
    if call.has("Query"):
        try:
            name = split_query(call.text("Query"))[0]
        except WqlError:
            raise _invalid(call) from None
    return call.text("Namespace", CIMV2).replace("\\", "/").lower(), name.lower()


def picked(call: Call, instances: Iterable[PSObject]) -> Iterator[PSObject]:
    """The instances that ``-Filter`` or ``-Query`` takes.  Raises PSError for a condition that is none."""
    try:
        text = split_query(call.text("Query"))[1] if call.has("Query") else call.text("Filter")
        test = parse_condition(text) if text else None
        for item in instances:
            if test is None or test(item):
                yield item
    except WqlError:
        raise _invalid(call) from None


def _invalid(call: Call) -> Exception:
    if call.declaration.name == "Get-WmiObject":
        kind = "System.Management.ManagementException"
        return call.fail("Invalid query ", "GetWMIManagementException", "InvalidOperation", None, kind)
    kind = "Microsoft.Management.Infrastructure.CimException"
    return call.fail("Invalid query ", "HRESULT 0x80041017", "InvalidArgument", None, kind)


def as_wmi(item: PSObject, computer: str) -> PSObject:
    """A CIM instance as ``Get-WmiObject`` gives it: dates are text, and the class is in ``__CLASS`` ([GK])."""
    path = item.type_names[0].partition("#")[2]
    namespace, _, name = path.rpartition("/")
    fields: dict[str, object] = {"__CLASS": name, "__SERVER": computer, "__NAMESPACE": namespace.replace("/", "\\")}
    for shown, value in item.properties():
        fields[shown] = value if shown in _DATES_OF_THE_SHELL or not isinstance(value, datetime) else _dmtf(value)
    fields["PSComputerName"] = computer
    key = next((shown for shown in ("DeviceID", "Handle", "HotFixID", "Name") if property_of(item, shown)), "")
    place = f"\\\\{computer}\\{fields['__NAMESPACE']}:{name}"
    text = f'{place}.{key}="{to_text(property_of(item, key))}"' if key else f"{place}=@"
    names = (f"System.Management.ManagementObject#{namespace.replace('/', chr(92))}\\{name}", "System.Object")
    made = PSObject.of_type(names, fields, text=text)
    made.members["converttodatetime"] = PSMethod("ConvertToDateTime", lambda _this, text: _moment(text), "ScriptMethod")
    return made


def _moment(text: object) -> datetime:
    """The local time that a date of WMI says.  Raises NetError for a text that is none."""
    try:
        return datetime.strptime(to_text(text)[:21], "%Y%m%d%H%M%S.%f").replace(tzinfo=LOCAL)
    except ValueError:
        message = "Specified argument was out of the range of valid values.\r\nParameter name: dmtfDate"
        raise net_error("System.ArgumentOutOfRangeException", message) from None


def _dmtf(moment: datetime) -> str:
    """A date of WMI: ``20251020060459.000000+000`` ([D] W32 CIM_DATETIME)."""
    return f"{moment:%Y%m%d%H%M%S.%f}+000"
