"""``Enter-PSSession`` and ``Exit-PSSession`` in a script, the trace of Windows Update, a client of the Update Service.

[D] PSD 5.1: entering a session is for a prompt; the commands of a script that follow run where they ran before.
``Get-WindowsUpdateLog``: [D] WPD WindowsUpdate; the trace itself is not simulated.  The client's method [T].
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.declaring import Module, classes, given_input, property_of
from harness.twin.cmdlets.fileobjects import files_of, write_fault
from harness.twin.cmdlets.remoting import REMOTING, connect
from harness.twin.cmdlets.service import require_service
from harness.twin.cmdlets.updates import UPDATES
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.files import FileError, parent_of
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.commands.providers import full_path
from harness.twin.shell.errors import net_error
from harness.twin.shell.objects import NOTHING, PSMethod, PSObject
from harness.twin.shell.text import to_text

TRACE: Final = Module("WindowsUpdate", classes("{}"))
_CLIENT: Final = "Microsoft.AzureStack.Services.Update.Client.SolutionUpdateClient"
"""[INF]"""
_SETTINGS: Final = ("automaticoemupdateuri", "automaticupdateuri", "updateringname")


@REMOTING.cmdlet(
    "Enter-PSSession",
    Parameter("ComputerName", "string", position=0, aliases=("Cn",), pipeline="value"),
    Parameter("Session", "object"),
    Parameter("Credential", "object"),
    Parameter("Authentication", "string"),
    Parameter("Port", "int"),
    Parameter("UseSSL", "switch"),
    Parameter("ConfigurationName", "string"),
)
def enter_session(call: Call) -> None:
    """Connects, or fails as ``New-PSSession`` does; in a script nothing follows from it."""
    came = given_input(call)
    name = call.text("ComputerName") or str(property_of(call.get("Session") or came, "ComputerName") or "")
    connect(call, name)


@REMOTING.cmdlet("Exit-PSSession")
def exit_session(call: Call) -> None:
    """Leaves the session that was entered; without one nothing happens."""
    del call


@TRACE.cmdlet(
    "Get-WindowsUpdateLog",
    Parameter("ETLPath", "string[]", position=0),
    Parameter("LogPath", "string", position=1),
    Parameter("IncludeAllLogs", "switch"),
    Parameter("ForceFlush", "switch"),
    Parameter("ProcessingType", "string"),
)
def get_update_log(call: Call) -> Iterator[object]:
    """Writes the trace of Windows Update as text; here a file without events."""
    home = call.host.environment.get("USERPROFILE", "C:\\Users\\Public")
    path = full_path(call, call.text("LogPath")) if call.has("LogPath") else f"{home}\\Desktop\\WindowsUpdate.log"
    try:
        files_of(call).make_folder(parent_of(path))
        files_of(call).write(path, b"")
    except FileError as error:
        write_fault(call, error, "GetWindowsUpdateLogError")
        return
    call.write_warning("twin limitation: the trace of Windows Update is not simulated; the file has no events")
    yield f"WindowsUpdate.log written to {path}"


@UPDATES.cmdlet("New-SolutionUpdateClient")
def new_client(call: Call) -> Iterator[object]:
    """A client of the Update Service with the one method that guides use."""
    model: ClusterModel = require_service(call)
    client = PSObject.of_type(_CLIENT, {})

    def put(_client: object, name: object, value: object) -> object:
        if to_text(name).lower() not in _SETTINGS:
            raise net_error("System.ArgumentException", f"The setting '{to_text(name)}' is not known.")
        if to_text(name).lower() == _SETTINGS[0]:
            model.kept.oem_update_uri = to_text(value)
        else:
            model.kept.common[to_text(name).lower()] = to_text(value)
        return NOTHING

    signature = "void SetDynamicConfigurationValue(string name, string value)"
    client.members["setdynamicconfigurationvalue"] = PSMethod("SetDynamicConfigurationValue", put, signature=signature)
    yield client
