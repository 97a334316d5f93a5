"""BitLocker of the drive C: and access rights of files on a node.

[D] WPD BitLocker; that boot volumes are encrypted is [D] (security baseline of the product), method and protectors
[GK]. Rights: the files here have no permissions of their own, so what ``Get-Acl`` shows is Windows' default [GK].
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.clusterobjects import make_id
from harness.twin.cmdlets.declaring import Module, given_input, property_of
from harness.twin.cmdlets.fileobjects import files_of
from harness.twin.cmdlets.registrykeys import find_key, is_registry_path, parse_key
from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.entities import Node
from harness.twin.model.files import Folder
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.commands.providers import full_path
from harness.twin.shell.objects import PSObject

BITLOCKER: Final = Module("BitLocker", lambda name: name)
SECURITY: Final = Module(
    "Microsoft.PowerShell.Security", lambda name: f"Microsoft.PowerShell.Commands.{name.replace('-', '')}Command"
)
VOLUME: Final = Shape(
    "Microsoft.BitLocker.Structures.BitLockerVolume",
    "ComputerName MountPoint VolumeType VolumeStatus EncryptionMethod EncryptionPercentage ProtectionStatus LockStatus "
    "AutoUnlockEnabled KeyProtector CapacityGB",
)
PROTECTOR: Final = Shape(
    "Microsoft.BitLocker.Structures.BitLockerVolumeKeyProtector", "KeyProtectorId KeyProtectorType"
)
ACL: Final = Shape(
    ("System.Security.AccessControl.DirectorySecurity", "System.Security.AccessControl.FileSystemSecurity"),
    "Path Owner Group Access Sddl AreAccessRulesProtected",
)
RULE: Final = Shape(
    "System.Security.AccessControl.FileSystemAccessRule",
    "FileSystemRights AccessControlType IdentityReference IsInherited InheritanceFlags PropagationFlags",
)
_MOUNT: Final = Parameter("MountPoint", "string[]", position=0, pipeline=("value", "name"))
_SYSTEM: Final = "C:"


def _suspended(call: Call) -> bool:
    """Whether the protection is suspended now: for a number of restarts, or until it is resumed."""
    node: Node = call.host.node
    kept = node.kept
    if kept.suspended_restarts is None:
        return False
    return bool(kept.suspended_restarts == 0 or node.boot_id - kept.suspended_boot < kept.suspended_restarts)


def _volume(call: Call) -> PSObject:
    drive = call.host.node.files.drive
    identity = make_id(call.host.model, "protector", str(call.host.computer_name)).upper()
    protectors = [
        PROTECTOR.make(f"{{{identity[:-1]}{number}}}", kind, text=kind)
        for number, kind in enumerate(("Tpm", "RecoveryPassword"))
    ]
    return VOLUME.make(
        call.host.computer_name,
        _SYSTEM,
        "OperatingSystem",
        "FullyEncrypted",
        "XtsAes256",
        100,
        "Off" if _suspended(call) else "On",
        "Unlocked",
        None,
        protectors,
        round(drive.capacity_bytes / 2**30, 4),
        text=_SYSTEM,
    )


def _mounts(call: Call) -> bool:
    """Whether C: is meant; an error for another place."""
    wanted = call.texts("MountPoint")
    came = given_input(call)
    if not wanted and property_of(came, "MountPoint") is not None:
        wanted = [str(property_of(came, "MountPoint"))]
    for place in wanted:
        if place.rstrip(":\\").upper() != "C":
            text = f"{place} does not have an associated BitLocker volume."
            kind = "System.Runtime.InteropServices.COMException"
            call.write_error(text, kind, "NotSpecified", place, kind)
    return not wanted or any(place.rstrip(":\\").upper() == "C" for place in wanted)


@BITLOCKER.cmdlet("Get-BitLockerVolume", _MOUNT)
def get_volume(call: Call) -> Iterator[object]:
    """The drive of the operating system; shared volumes are not simulated."""
    if _mounts(call):
        yield _volume(call)


@BITLOCKER.cmdlet(
    "Suspend-BitLocker", _MOUNT, Parameter("RebootCount", "int", position=1, minimum=0, maximum=15), should_process=True
)
def suspend(call: Call) -> Iterator[object]:
    """Suspends the protection for a number of restarts, 1 when nothing is said; 0 until it is resumed ([D])."""
    if _mounts(call) and call.should_process(_SYSTEM, "Suspend-BitLocker"):
        kept = call.host.node.kept
        kept.suspended_restarts, kept.suspended_boot = call.number("RebootCount", 1), call.host.node.boot_id
        yield _volume(call)


@BITLOCKER.cmdlet("Resume-BitLocker", _MOUNT, should_process=True)
def resume(call: Call) -> Iterator[object]:
    """Protects the drive again."""
    if _mounts(call) and call.should_process(_SYSTEM, "Resume-BitLocker"):
        call.host.node.kept.suspended_restarts = None
        yield _volume(call)


@SECURITY.cmdlet(
    "Get-Acl",
    Parameter("Path", "string[]", position=0, pipeline="name", aliases=("PSPath", "FullName")),
    Parameter("LiteralPath", "string[]"),
)
def get_acl(call: Call) -> Iterator[object]:
    """Owner and rights of files, folders and keys: Windows' defaults."""
    for given in call.texts("Path") or call.texts("LiteralPath") or ["."]:
        if is_registry_path(given):
            key = parse_key(given)
            there = key is not None and find_key(call.host.node, key, given) is not None
            path, provider = given, "Microsoft.PowerShell.Core\\Registry"
        else:
            path, provider = full_path(call, given), "Microsoft.PowerShell.Core\\FileSystem"
            there = files_of(call).exists(path)
        if not there:
            text = f"Cannot find path '{path}' because it does not exist."
            kind = "System.Management.Automation.ItemNotFoundException"
            call.write_error(text, "GetAcl_PathNotFound_Exception", "ObjectNotFound", None, kind)
            continue
        yield _acl(f"{provider}::{path}", folder=isinstance(files_of(call).find(path), Folder))


def _acl(path: str, *, folder: bool) -> PSObject:
    flags = "ContainerInherit, ObjectInherit" if folder else "None"
    rules = [
        RULE.make(rights, "Allow", who, True, flags, "None")
        for who, rights in (
            ("NT AUTHORITY\\SYSTEM", "FullControl"),
            ("BUILTIN\\Administrators", "FullControl"),
            ("BUILTIN\\Users", "ReadAndExecute, Synchronize"),
        )
    ]
    sddl = "O:BAG:SYD:AI(A;ID;FA;;;SY)(A;ID;FA;;;BA)(A;ID;0x1200a9;;;BU)"
    return ACL.make(path, "BUILTIN\\Administrators", "NT AUTHORITY\\SYSTEM", rules, sddl, False)
