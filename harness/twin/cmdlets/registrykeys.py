"""The registry of a node: what Windows keeps there, as far as something asks for it, and what somebody wrote.

Paths and values [T] (TSG Update: version from four values) and [D] (pending restarts, guest-and-host-maintenance 2.7).
A key that is neither here nor below one that is wholly known may exist on a real node: asking for it fails loudly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from harness.twin.cmdlets.windows import EDITION, INSTALLATION, PRODUCT, display_version
from harness.twin.model.entities import Node
from harness.twin.model.registry import RegistryValue
from harness.twin.shell.errors import limitation
from harness.twin.shell.objects import Byte, Int64, NetList
from harness.twin.shell.text import to_text

HIVES: Final[Mapping[str, str]] = {"HKLM": "HKEY_LOCAL_MACHINE", "HKCU": "HKEY_CURRENT_USER"}
_WINDOWS: Final = "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion"
_VERSION: Final = "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
_SERVICING: Final = f"{_WINDOWS}\\Component Based Servicing"
_UPDATE: Final = f"{_WINDOWS}\\WindowsUpdate\\Auto Update"
_NAMES: Final = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\ComputerName"
_CONTROL: Final = "HKLM\\SYSTEM\\CurrentControlSet\\Control"
_REMOTING: Final = "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WSMAN"
_PRODUCT_KEYS: Final[Mapping[str, dict[str, object]]] = {
    "HKLM\\SOFTWARE\\Microsoft\\AzureStackStampInformation": {"DeploymentLaunchType": "CloudDeployment"},
    "HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows\\WindowsUpdate\\AU": {"NoAutoUpdate": 1},
    f"{_CONTROL}\\FileSystem": {"LongPathsEnabled": 1},
    f"{_CONTROL}\\SecureBoot\\State": {"UEFISecureBootEnabled": 1},
    f"{_CONTROL}\\SecureBoot\\Servicing": {"UEFICA2023Status": "NotStarted"},
    f"{_CONTROL}\\DeviceGuard": {"EnableVirtualizationBasedSecurity": 1},
    f"{_REMOTING}\\Service": {"auth_credssp": 1},
    f"{_REMOTING}\\Client": {"auth_credssp": 1},
}
"""Values that update logic and guides read ([T] azure-local-updates 1.4, 1.5, 10), as on a healthy node: the product
switches automatic updates off and owns CredSSP; that the rollover of Secure Boot's certificates has not begun is [INF].
"""
_COMPLETE: Final = tuple(
    key.lower()
    for key in (f"{_SERVICING}\\RebootPending", f"{_SERVICING}\\RebootInProgress", f"{_UPDATE}\\RebootRequired")
)
"""Keys whose absence is known too."""
_PROVIDERS: Final = ("microsoft.powershell.core\\registry::", "registry::")
KINDS: Final[Mapping[str, str]] = {
    "string": "REG_SZ",
    "expandstring": "REG_EXPAND_SZ",
    "multistring": "REG_MULTI_SZ",
    "dword": "REG_DWORD",
    "qword": "REG_QWORD",
    "binary": "REG_BINARY",
}
"""``-PropertyType`` and the registry's own names ([D] W32 registry value types)."""


def parse_key(path: str) -> str | None:
    """``HKLM\\…`` for a path of the registry in any of its spellings; None for other paths."""
    plain = path.replace("/", "\\").rstrip("\\")
    for prefix in _PROVIDERS:
        if plain.lower().startswith(prefix):
            plain = plain[len(prefix) :]
    head, _, rest = plain.partition("\\")
    for short, long in HIVES.items():
        if head.lower() in (f"{short.lower()}:", short.lower(), long.lower()):
            return f"{short}\\{rest.strip(chr(92))}" if rest.strip("\\") else short
    if head.lower().rstrip(":") in ("hkcr", "hku", "hkcc", "hkey_classes_root", "hkey_users", "hkey_current_config"):
        raise limitation(f"the item '{path}' is not simulated")
    return None


def is_registry_path(path: str) -> bool:
    """Whether the registry's provider serves *path*: with its drive or its prefix."""
    low = path.lower()
    return low.startswith(("hklm:", "hkcu:", "hkey_", *_PROVIDERS))


def full_name(key: str) -> str:
    """``HKEY_LOCAL_MACHINE\\…``."""
    head, slash, rest = key.partition("\\")
    return f"{HIVES[head.upper()]}{slash}{rest}"


def all_keys(node: Node) -> dict[str, tuple[str, dict[str, RegistryValue]]]:
    """All keys that are known, by their lower-case names: name, and values by their names."""
    found = {name.lower(): (name, _typed(values)) for name, values in _own(node).items()}
    for low, key in node.registry.keys.items():
        name, values = found.get(low, (key.name, {}))
        for low_value, (shown, value) in key.values.items():
            known = next((item for item in values if item.lower() == low_value), shown)
            values[known] = value
        found[low] = (name, values)
    return found


def find_key(node: Node, key: str, path: str) -> tuple[str, dict[str, RegistryValue]] | None:
    """A key's name and values; None where it is known not to exist.  Raises PSError where that is not known."""
    keys, low = all_keys(node), key.lower()
    if low in keys:
        return keys[low]
    if any(name.startswith(f"{low}\\") for name in keys):
        return key, {}
    if low in _COMPLETE or _below_made(node, low):
        return None
    raise limitation(f"the item '{path}' is not simulated")


def children_of(node: Node, key: str) -> Iterable[tuple[str, dict[str, RegistryValue]]]:
    """The known keys directly below a key.  Raises PSError for a key of which there is more on a real node."""
    low = key.lower()
    if low not in node.registry.keys or not node.registry.keys[low].made:
        raise limitation(f"the list of keys below '{full_name(key)}' is not simulated")
    keys = all_keys(node)
    names = {name[len(low) + 1 :].partition("\\")[0] for name in keys if name.startswith(f"{low}\\")}
    return [keys.get(f"{low}\\{name}", (f"{key}\\{name}", {})) for name in sorted(names)]


def _below_made(node: Node, low: str) -> bool:
    """Somebody made a key above it, so all that is there is known."""
    return any(key.made and low.startswith(f"{name}\\") for name, key in node.registry.keys.items())


def _own(node: Node) -> dict[str, dict[str, object]]:
    """What Windows keeps, from the state of the node."""
    build = str(node.os_build.build)
    keys: dict[str, dict[str, object]] = {
        _VERSION: {
            "CurrentBuild": build,
            "CurrentBuildNumber": build,
            "CurrentMajorVersionNumber": 10,
            "CurrentMinorVersionNumber": 0,
            "DisplayVersion": display_version(node),
            "EditionID": EDITION,
            "InstallationType": INSTALLATION,
            "ProductName": PRODUCT,
            "UBR": node.os_build.ubr,
        },
        _SERVICING: {},
        f"{_SERVICING}\\Interface": {"ServicingInProgress": int(node.pending_reboot)},
        _UPDATE: {},
        f"{_NAMES}\\ComputerName": {"ComputerName": node.name},
        f"{_NAMES}\\ActiveComputerName": {"ComputerName": node.name},
        **_PRODUCT_KEYS,
    }
    if node.pending_reboot:
        keys[f"{_SERVICING}\\RebootPending"] = {}
    return keys


def _typed(values: Mapping[str, object]) -> dict[str, RegistryValue]:
    return {
        name: RegistryValue("REG_DWORD" if isinstance(value, int) else "REG_SZ", value)
        for name, value in values.items()
    }


def make_value(data: object, kind: str = "") -> RegistryValue:
    """A value of a ``-PropertyType``; without one the type follows from the data.  Raises ValueError."""
    chosen = KINDS.get(kind.lower(), "") or _natural(data)
    if chosen == "REG_DWORD":
        return RegistryValue(chosen, _number(data, 32))
    if chosen == "REG_QWORD":
        return RegistryValue(chosen, Int64(_number(data, 64)))
    if chosen == "REG_MULTI_SZ":
        items = data if isinstance(data, list) else [data]
        return RegistryValue(chosen, NetList([to_text(item) for item in items]))
    if chosen == "REG_BINARY":
        items = data if isinstance(data, list) else [data]
        return RegistryValue(chosen, NetList([Byte(int(to_text(item))) for item in items]))
    return RegistryValue(chosen, to_text(data))


def _natural(data: object) -> str:
    if isinstance(data, list):
        return "REG_BINARY" if data and all(isinstance(item, Byte) for item in data) else "REG_MULTI_SZ"
    if isinstance(data, Int64):
        return "REG_QWORD"
    return "REG_DWORD" if isinstance(data, int) and not isinstance(data, bool) else "REG_SZ"


def _number(data: object, bits: int) -> int:
    value: int = int(to_text(data), 0) & ((1 << bits) - 1)
    return value - (1 << bits) if value >> (bits - 1) else value


def data_text(value: RegistryValue) -> str:
    """A value's data as ``reg query`` prints it [GK]."""
    data: Any = value.data
    if value.kind in ("REG_DWORD", "REG_QWORD"):
        return f"0x{int(data) & (2 ** (64 if value.kind == 'REG_QWORD' else 32) - 1):x}"
    if value.kind == "REG_MULTI_SZ":
        return "\\0".join(data)
    if value.kind == "REG_BINARY":
        return "".join(f"{int(byte):02X}" for byte in data)
    return str(data)
