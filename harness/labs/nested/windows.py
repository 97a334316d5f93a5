"""Windows nodes: machine and unattended installation.  Experimental: never installed to its end under emulation.

The machine starts under TCG: UEFI with Secure Boot and enrolled keys, TPM 2.0, SATA system disk, e1000e and virtio
cards ([P] arm-redfish-libvirt, 8.2).  Whether Windows Setup comes to its end on it was not shown.  `STOP_RULE` says
when to give up; whoever starts an installation shows it first.

Sources: Microsoft, "Unattended Windows Setup Reference" (components and passes), "UEFI/GPT-based hard drive partitions"
(partitions), "Installation and configuration for Windows Remote Management" (listener).
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from xml.etree import ElementTree as ET

from harness.errors import ConfigError
from harness.labs.nested.command import run
from harness.labs.nested.spec import DataDisk, MachineSpec, Nic, UefiBoot

STOP_RULE: Final = (
    "Experimental: Windows Setup under emulation takes hours and was not shown to end. Stop when the screen has not "
    "changed for 60 minutes, when WinRM has not answered 8 hours after power on, or after the second failed try. Then "
    "use Linux stand-ins for what a harness can show, and a machine with KVM for Windows."
)
"""When to give up."""

SECRET_PLACE: Final = "@ADMINISTRATOR_SECRET@"  # noqa: S105 - the place, not a secret
"""Where the administrator's secret goes when the medium is written; the text of an answer file never has it."""

ANSWER_NAME: Final = "autounattend.xml"
"""Windows Setup looks for this name in the root folder of every removable medium."""

LEAST_MEMORY_MIB: Final = 4096
_NAMESPACE: Final = "urn:schemas-microsoft-com:unattend"
_STATE: Final = "http://schemas.microsoft.com/WMIConfig/2002/State"
_COMPUTER_NAMES: Final = re.compile(r"(?!\d+$)[A-Za-z0-9]([A-Za-z0-9-]{0,13}[A-Za-z0-9])?")
_LOCALES: Final = re.compile(r"[a-z]{2,3}-[A-Z][A-Za-z]+")
_REQUIRED: Final = {
    "windowsPE": ("Microsoft-Windows-International-Core-WinPE", "Microsoft-Windows-Setup"),
    "specialize": ("Microsoft-Windows-Shell-Setup",),
    "oobeSystem": ("Microsoft-Windows-International-Core", "Microsoft-Windows-Shell-Setup"),
}
_WINRM: Final = (
    "Set-NetConnectionProfile -NetworkCategory Private",
    "Enable-PSRemoting -SkipNetworkProfileCheck -Force",
    "$c = New-SelfSignedCertificate -DnsName $env:COMPUTERNAME -CertStoreLocation Cert:\\LocalMachine\\My; "
    "New-Item WSMan:\\localhost\\Listener -Transport HTTPS -Address * -CertificateThumbPrint $c.Thumbprint -Force",
    "New-NetFirewallRule -DisplayName 'WinRM HTTPS' -Direction Inbound -Protocol TCP -LocalPort 5986 -Action Allow",
    "Get-ChildItem WSMan:\\localhost\\Listener | Where-Object Keys -contains 'Transport=HTTP' | Remove-Item -Recurse",
)
"""WinRM over HTTPS, and HTTPS only.  A command of the first logon has at most 1024 characters, so each has its own."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What Windows Setup is told.  `image` is the number of the edition on the installation medium."""

    computer_name: str
    locale: str = "en-US"
    time_zone: str = "UTC"
    image: int = 1

    def __post_init__(self) -> None:
        if not _COMPUTER_NAMES.fullmatch(self.computer_name):
            raise ConfigError(
                f"'{self.computer_name}' cannot be the name of a Windows computer",
                hint="1 to 15 letters, digits and hyphens, not digits only",
            )
        if not _LOCALES.fullmatch(self.locale) or self.image < 1:
            raise ConfigError(f"locale '{self.locale}', image {self.image}", hint="e.g. en-US, and a number from 1")


def windows_machine(
    name: str,
    *,
    base: Path,
    installer: Path,
    answers: Path,
    networks: tuple[str, ...],
    disks: tuple[DataDisk, ...] = (),
    memory_mib: int = LEAST_MEMORY_MIB,
    vcpus: int = 2,
    drivers: Path | None = None,
) -> MachineSpec:
    """A machine that a Windows node can be installed on.

    `base` is an empty qcow2 image of the wanted size, or an installed one; `drivers` a medium with virtio drivers.  The
    first card is an e1000e, which Windows knows by itself.  Raises ConfigError for too little memory.
    """
    if memory_mib < LEAST_MEMORY_MIB:
        raise ConfigError(f"Windows machine '{name}' with {memory_mib} MiB", hint=f"at least {LEAST_MEMORY_MIB} MiB")
    cards = tuple(Nic(network, model="virtio" if at else "e1000e") for at, network in enumerate(networks))
    return MachineSpec(
        name=name,
        memory_mib=memory_mib,
        vcpus=vcpus,
        base=base,
        boot=UefiBoot(),
        nics=cards,
        disks=disks,
        system_bus="sata",
        cdroms=tuple(image for image in (installer, answers, drivers) if image is not None),
        watchdog="reset",
    )


def answer_file(answers: Answers) -> str:
    """The answer file, with `SECRET_PLACE` where the administrator's secret goes."""
    root = ET.Element(_tag("unattend"))
    pe = _settings(root, "windowsPE")
    _international(_component(pe, "Microsoft-Windows-International-Core-WinPE"), answers, setup=True)
    _setup(_component(pe, "Microsoft-Windows-Setup"), answers)
    shell = _component(_settings(root, "specialize"), "Microsoft-Windows-Shell-Setup")
    _add(shell, {"ComputerName": answers.computer_name, "TimeZone": answers.time_zone})
    oobe = _settings(root, "oobeSystem")
    _international(_component(oobe, "Microsoft-Windows-International-Core"), answers, setup=False)
    _first_logon(_component(oobe, "Microsoft-Windows-Shell-Setup"))
    return _document(root)


def answer_faults(text: str) -> list[str]:
    """What is wrong with an answer file: not well-formed, or without a required component; empty when nothing."""
    try:
        root = ET.fromstring(text)  # noqa: S314 - written by ourselves
    except ET.ParseError as error:
        return [f"not well-formed: {error}"]
    found = {
        (settings.get("pass"), component.get("name"))
        for settings in root.iterfind(_tag("settings"))
        for component in settings.iterfind(_tag("component"))
    }
    wanted = [(step, name) for step, names in _REQUIRED.items() for name in names]
    return [f"pass {step} lacks component {name}" for step, name in wanted if (step, name) not in found]


def write_answer_medium(text: str, secret: str, image: Path) -> None:
    """Write the ISO image with the answer file, the administrator's secret filled in; readable by its owner only.

    The secret is in the form that Windows tools write (`PlainText` false): hidden from a glance, not encrypted.  Raises
    ConfigError for a text that lacks something, LabError without xorriso.
    """
    if faults := answer_faults(text):
        raise ConfigError(f"the answer file is not complete: {faults[0]}", hint="make it with answer_file")
    image.parent.mkdir(parents=True, exist_ok=True)
    image.unlink(missing_ok=True)
    image.touch(mode=0o600)
    with TemporaryDirectory(prefix="hil-answers-") as folder:
        Path(folder, ANSWER_NAME).write_text(with_secret(text, secret), encoding="utf-8")
        run(["xorriso", "-as", "mkisofs", "-quiet", "-J", "-R", "-V", "ANSWERS", "-o", str(image), folder])


def with_secret(text: str, secret: str) -> str:
    """An answer file with the secret in its places.

    The hidden form is base 64 of the UTF-16 of the secret followed by the name of the element it is for, as Windows
    System Image Manager writes it.
    """
    root = ET.fromstring(text)  # noqa: S314 - written by ourselves
    for parent in root.iter():
        value = parent.find(_tag("Value"))
        if value is not None and value.text == SECRET_PLACE:
            element = parent.tag.rpartition("}")[2]
            value.text = base64.b64encode(f"{secret}{element}".encode("utf-16-le")).decode()
    return _document(root)


def _document(root: ET.Element) -> str:
    ET.register_namespace("", _NAMESPACE)
    ET.register_namespace("wcm", _STATE)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _settings(root: ET.Element, step: str) -> ET.Element:
    return ET.SubElement(root, _tag("settings"), {"pass": step})


def _component(settings: ET.Element, name: str) -> ET.Element:
    identity = {
        "name": name,
        "processorArchitecture": "amd64",
        "publicKeyToken": "31bf3856ad364e35",
        "language": "neutral",
        "versionScope": "nonSxS",
    }
    return ET.SubElement(settings, _tag("component"), identity)


def _international(component: ET.Element, answers: Answers, *, setup: bool) -> None:
    if setup:
        _add(ET.SubElement(component, _tag("SetupUILanguage")), {"UILanguage": answers.locale})
    names = ("InputLocale", "SystemLocale", "UILanguage", "UserLocale")
    _add(component, dict.fromkeys(names, answers.locale))


def _setup(component: ET.Element, answers: Answers) -> None:
    """GPT: EFI system partition, Microsoft reserved partition, Windows."""
    configuration = ET.SubElement(component, _tag("DiskConfiguration"))
    disk = _item(configuration, "Disk")
    created = ET.SubElement(disk, _tag("CreatePartitions"))
    modified = ET.SubElement(disk, _tag("ModifyPartitions"))
    for number, (kind, size_mb) in enumerate((("EFI", "300"), ("MSR", "16"), ("Primary", "")), 1):
        size = {"Size": size_mb} if size_mb else {"Extend": "true"}
        _add(_item(created, "CreatePartition"), {"Order": str(number), "Type": kind, **size})
    partitions: tuple[dict[str, str], ...] = ({"Format": "FAT32"}, {}, {"Letter": "C", "Format": "NTFS"})
    for number, values in enumerate(partitions, 1):
        _add(_item(modified, "ModifyPartition"), {"Order": str(number), "PartitionID": str(number), **values})
    _add(disk, {"DiskID": "0", "WillWipeDisk": "true"})
    image = ET.SubElement(ET.SubElement(component, _tag("ImageInstall")), _tag("OSImage"))
    chosen = _item(ET.SubElement(image, _tag("InstallFrom")), "MetaData")
    _add(chosen, {"Key": "/IMAGE/INDEX", "Value": str(answers.image)})
    _add(ET.SubElement(image, _tag("InstallTo")), {"DiskID": "0", "PartitionID": "3"})
    _add(ET.SubElement(component, _tag("UserData")), {"AcceptEula": "true"})


def _first_logon(component: ET.Element) -> None:
    """The first logon, which is automatic, sets up WinRM."""
    _password(ET.SubElement(component, _tag("UserAccounts")), "AdministratorPassword")
    logon = ET.SubElement(component, _tag("AutoLogon"))
    _add(logon, {"Enabled": "true", "LogonCount": "1", "Username": "Administrator"})
    _password(logon, "Password")
    commands = ET.SubElement(component, _tag("FirstLogonCommands"))
    for order, script in enumerate(_WINRM, 1):
        line = f'powershell.exe -NoProfile -ExecutionPolicy Bypass -Command "{script}"'
        _add(_item(commands, "SynchronousCommand"), {"Order": str(order), "CommandLine": line})


def _password(parent: ET.Element, tag: str) -> None:
    _add(ET.SubElement(parent, _tag(tag)), {"Value": SECRET_PLACE, "PlainText": "false"})


def _item(parent: ET.Element, tag: str) -> ET.Element:
    return ET.SubElement(parent, _tag(tag), {f"{{{_STATE}}}action": "add"})


def _add(parent: ET.Element, values: dict[str, str]) -> None:
    for name, text in values.items():
        ET.SubElement(parent, _tag(name)).text = text


def _tag(name: str) -> str:
    return f"{{{_NAMESPACE}}}{name}"
