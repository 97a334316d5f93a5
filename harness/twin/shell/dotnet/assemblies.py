"""``[Reflection.Assembly]``, ``[AppDomain]``, ``[Net.ServicePointManager]``, ``[Diagnostics.Process]``: what scripts
load, set and ask of their own process ([D] .NET Framework reference).

Which types a script can use does not depend on loaded assemblies: the library has what it has.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from harness.twin.shell.automatic import POWERSHELL_HOME, PROCESS_ID
from harness.twin.shell.conversion import to_enum
from harness.twin.shell.dotnet import enums
from harness.twin.shell.dotnet.registry import STATIC, NetProperty, method, prop, static, static_prop
from harness.twin.shell.errors import net_error
from harness.twin.shell.objects import PSObject
from harness.twin.shell.session import current
from harness.twin.shell.text import register_text
from harness.twin.shell.typesystem import ENUMS, register_type, register_value_type

ASSEMBLY: Final = "System.Reflection.Assembly"
_FOLDER: Final = "C:\\Windows\\Microsoft.NET\\assembly\\GAC_MSIL"
FRAMEWORK: Final = frozenset(
    """mscorlib System System.Core System.Data System.Xml System.Xml.Linq System.Web System.Web.Extensions
    System.Net.Http System.Drawing System.Windows.Forms System.Security System.Configuration System.Management
    System.Management.Automation System.DirectoryServices System.DirectoryServices.AccountManagement
    System.DirectoryServices.Protocols System.IO.Compression System.IO.Compression.FileSystem System.ServiceProcess
    System.Numerics System.Runtime.Serialization Microsoft.VisualBasic PresentationCore PresentationFramework
    WindowsBase""".lower().split()
)
"""[GK] Assemblies of .NET Framework and PowerShell that scripts load by their short names."""


class Assembly:
    """A loaded assembly."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def full_name(self) -> str:
        """Its name with version and key, as .NET Framework's own have them."""
        return f"{self.name}, Version=4.0.0.0, Culture=neutral, PublicKeyToken=b77a5c561934e089"


def known_assembly(name: str) -> Assembly | None:
    """An assembly of the framework by its short or its long name."""
    short = name.partition(",")[0].strip()
    return Assembly(short) if short.lower() in FRAMEWORK else None


def _loaded(name: str) -> Assembly:
    found = known_assembly(name)
    if found is None:
        text = (
            f"Could not load file or assembly '{name}' or one of its dependencies. The system cannot find the file "
            "specified."
        )
        raise net_error("System.IO.FileNotFoundException", text)
    return found


register_type(ASSEMBLY)
register_value_type(Assembly, ASSEMBLY)
register_text(Assembly, lambda value: value.full_name if isinstance(value, Assembly) else "")
static(ASSEMBLY, "LoadWithPartialName", "string partialName")(known_assembly)
static(ASSEMBLY, "Load", "string assemblyString")(_loaded)
for _name in ("LoadFrom", "LoadFile"):
    static(ASSEMBLY, _name, "string path")(lambda path: _loaded(re.sub(r"(?i)^.*\\|\.dll$", "", path)))
prop(Assembly, "GlobalAssemblyCache", lambda _: True)
prop(Assembly, "ImageRuntimeVersion", lambda _: "v4.0.30319")
prop(Assembly, "Location", lambda this: f"{_FOLDER}\\{this.name}\\v4.0_4.0.0.0__b77a5c561934e089\\{this.name}.dll")
prop(Assembly, "FullName", lambda this: this.full_name)
method(Assembly, "GetName")(
    lambda this: PSObject.of_type("System.Reflection.AssemblyName", {"Name": this.name}, text=this.full_name)
)


class Domain:
    """The one application domain of the process."""

    __slots__ = ()


register_type("System.AppDomain")
register_value_type(Domain, "System.AppDomain")
static_prop("System.AppDomain", "CurrentDomain", Domain)
prop(Domain, "FriendlyName", lambda _: "DefaultDomain")
prop(Domain, "BaseDirectory", lambda _: f"{POWERSHELL_HOME}\\")
method(Domain, "GetAssemblies")(lambda _: [Assembly(name) for name in ("mscorlib", "System", "System.Core")])


# ----------------------------------------------------------------------------------------- settings of the process

_MANAGER: Final = "System.Net.ServicePointManager"
_PROTOCOL: Final = ENUMS["system.net.securityprotocoltype"]


def setting(owner: str, name: str, first: object, read: Callable[[object], object] = lambda value: value) -> None:
    """A static property that a session can set; what it sets reaches nobody else."""
    key = f"__static__{owner}.{name}".lower()

    def get(_none: object) -> object:
        return current().global_scope.value(key, first)

    def put(_none: object, value: object) -> None:
        current().global_scope.put(key, read(value))

    STATIC.setdefault(owner, {})[name.lower()] = NetProperty(name, get, put)


setting(_MANAGER, "SecurityProtocol", _PROTOCOL("SystemDefault"), lambda value: to_enum(value, _PROTOCOL))
setting(_MANAGER, "ServerCertificateValidationCallback", None)
setting(_MANAGER, "CertificatePolicy", None)
setting(_MANAGER, "Expect100Continue", True)
setting(_MANAGER, "DefaultConnectionLimit", 2)
setting(_MANAGER, "CheckCertificateRevocationList", False)


# ----------------------------------------------------------------------------------------------- the own process


def _own_process() -> PSObject:
    return PSObject.of_type(
        ("System.Diagnostics.Process", "System.ComponentModel.Component", "System.Object"),
        {
            "Id": PROCESS_ID,
            "ProcessName": "powershell",
            "Name": "powershell",
            "MachineName": ".",
            "SessionId": 0,
            "HasExited": False,
            "Path": f"{POWERSHELL_HOME}\\powershell.exe",
        },
        text="System.Diagnostics.Process (powershell)",
    )


register_type("System.Diagnostics.Process")
static("System.Diagnostics.Process", "GetCurrentProcess")(_own_process)

__all__ = ["enums"]
