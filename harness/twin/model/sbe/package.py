"""The three files of a package: made as a vendor would ship them, and read as an import reads them.

Names [D] ASD update/import-discover-updates-offline-23h2.  Of the layout only ``<ValidatedConfigurations>`` and
``oemMetadata.xml`` are named by a source [T]; all other elements are the model's own [INF].  The content is small, but
real: well-formed XML, and a zip archive whose hash the package's manifest holds.
"""

from __future__ import annotations

import hashlib
import io
import re
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from harness.twin.model.sbe.catalog import SbeRelease, Vendor

METADATA: Final = "oemMetadata.xml"
"""File below the metadata path which holds the version ([T] TSG EnvironmentValidator SBEHealth-Test-Installed)."""
_DISCOVERY: Final = re.compile(r"SBE_Discovery_(?P<manufacturer>[^_]+)\.xml", re.IGNORECASE)
_PACKAGE: Final = re.compile(
    r"SBE_(?!Discovery_)(?P<manufacturer>[^_]+)_(?P<family>[^_]+)_(?P<version>\d+(?:\.\d+){3})\.(?P<kind>xml|zip)",
    re.IGNORECASE,
)
_ZIP_TIME: Final = (2025, 1, 1, 0, 0, 0)
"""Equal packages have equal bytes."""


class PackageError(Exception):
    """A folder does not hold a package that can be imported; the message says what is wrong with which file."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry of a discovery manifest."""

    family: str
    version: str
    validated: tuple[str, ...]

    def supports(self, solution: str) -> bool:
        """Whether it may be installed by itself on that solution version [T]."""
        return any(fnmatchcase(solution, pattern) for pattern in self.validated)


@dataclass(frozen=True, slots=True)
class Package:
    """What the three files say.  ``intact``: the archive has the hash of its manifest."""

    family: str
    version: str
    listed: tuple[Listed, ...]
    discovery_name: str
    manifest_name: str
    archive_name: str

    @property
    def names(self) -> tuple[str, str, str]:
        """The three file names."""
        return self.discovery_name, self.manifest_name, self.archive_name


def stem(vendor: Vendor, release: SbeRelease) -> str:
    """``SBE_Contoso_Gen3_4.1.2510.2``: display name, and stem of two of the files [D]."""
    return f"SBE_{vendor.manufacturer}_{release.family}_{release.version}"


def discovery_name(vendor: Vendor) -> str:
    """``SBE_Discovery_Contoso.xml`` [D]."""
    return f"SBE_Discovery_{vendor.manufacturer}.xml"


def make_files(vendor: Vendor, release: SbeRelease, listed: Iterable[SbeRelease]) -> dict[str, bytes]:
    """The three files by name; *listed* are the releases which the vendor's manifest of that day names."""
    archive = _archive(release)
    name = stem(vendor, release)
    return {
        discovery_name(vendor): make_discovery(vendor, listed),
        f"{name}.xml": _manifest(vendor, release, archive),
        f"{name}.zip": archive,
    }


def make_discovery(vendor: Vendor, listed: Iterable[SbeRelease]) -> bytes:
    """The discovery manifest with these releases."""
    root = ET.Element("SBEDiscovery", Manufacturer=vendor.manufacturer)
    for release in listed:
        entry = ET.SubElement(root, "SBE", Family=release.family, Version=release.version)
        recipes = ET.SubElement(entry, "ValidatedConfigurations")
        for pattern in release.validated:
            ET.SubElement(recipes, "SolutionVersion").text = pattern
    return _text(root)


def make_metadata(release: SbeRelease) -> bytes:
    """``oemMetadata.xml``."""
    root = ET.Element("OemMetadata")
    ET.SubElement(root, "Family").text = release.family
    ET.SubElement(root, "Version").text = release.version
    return _text(root)


def read_discovery(content: bytes, name: str) -> tuple[Listed, ...]:
    """The entries of a discovery manifest.  Raises PackageError."""
    root = _parse(content, name)
    found = tuple(
        Listed(
            str(entry.get("Family") or ""),
            str(entry.get("Version") or ""),
            tuple(str(item.text or "") for item in entry.iterfind("ValidatedConfigurations/SolutionVersion")),
        )
        for entry in root.iterfind("SBE")
    )
    if not found:
        raise PackageError(f"The manifest '{name}' lists no Solution Builder Extension.")
    return found


def read_package(files: Mapping[str, bytes]) -> Package:
    """The package in a folder's files (name → content).  Raises PackageError naming what is missing or wrong."""
    discovery = _only([name for name in files if _DISCOVERY.fullmatch(name)], "SBE_Discovery_<Manufacturer>.xml")
    parts = {kind: [name for name in files if _is_part(name, kind)] for kind in ("xml", "zip")}
    form = "SBE_<Manufacturer>_<Family>_<Version>"
    manifest, archive = _only(parts["xml"], f"{form}.xml"), _only(parts["zip"], f"{form}.zip")
    if manifest[:-4].lower() != archive[:-4].lower():
        raise PackageError(f"The files '{manifest}' and '{archive}' are not of the same package.")
    root = _parse(files[manifest], manifest)
    listed = read_discovery(files[discovery], discovery)
    family, version = root.findtext("Family") or "", root.findtext("Version") or ""
    if not any((item.family, item.version) == (family, version) for item in listed):
        raise PackageError(f"The manifest '{discovery}' does not list the version {version} of the family {family}.")
    return Package(family, version, listed, discovery, manifest, archive)


def is_intact(manifest: bytes, archive: bytes) -> bool:
    """Whether the archive is the one that the package's manifest was made for."""
    try:
        wanted = ET.fromstring(manifest).findtext("Archive/Sha256")  # noqa: S314  # a file of the model itself
    except ET.ParseError:
        return False
    return wanted == hashlib.sha256(archive).hexdigest()


def _is_part(name: str, kind: str) -> bool:
    found = _PACKAGE.fullmatch(name)
    return found is not None and found["kind"].lower() == kind


def _only(names: list[str], form: str) -> str:
    if not names:
        raise PackageError(f"The source folder holds no file '{form}'.")
    if len(names) > 1:
        raise PackageError(f"The source folder holds more than one file '{form}': {', '.join(sorted(names))}.")
    return names[0]


def _parse(content: bytes, name: str) -> ET.Element:
    try:
        return ET.fromstring(content)  # noqa: S314  # entities are not resolved by this parser's defaults
    except ET.ParseError as error:
        raise PackageError(f"The file '{name}' is no well-formed XML: {error}") from None


def _manifest(vendor: Vendor, release: SbeRelease, archive: bytes) -> bytes:
    root = ET.Element("SBEPackage")
    for name, value in (
        ("Publisher", vendor.manufacturer),
        ("Family", release.family),
        ("Version", release.version),
        ("SupportedModels", vendor.models),
        ("ReleaseLink", f"{vendor.site}/{release.version}/ReleaseNotes.pdf"),
        ("NotifyMessage", vendor.notice),
        ("LicenseUri", f"{vendor.site}/EULA.pdf"),
        ("Copyright", vendor.copyright),
    ):
        ET.SubElement(root, name).text = value
    part = ET.SubElement(root, "Archive")
    ET.SubElement(part, "Name").text = f"{stem(vendor, release)}.zip"
    ET.SubElement(part, "Sha256").text = hashlib.sha256(archive).hexdigest()
    return _text(root)


def _archive(release: SbeRelease) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in (
            (f"metadata/{METADATA}", make_metadata(release)),
            ("Content/CAUPlugins/PreUpdateScript.ps1", b"# suspends BitLocker for the restarts\r\n"),
            ("Content/StorageDisks.xml", b"<Components/>"),
        ):
            archive.writestr(zipfile.ZipInfo(name, _ZIP_TIME), content)
    return stream.getvalue()


def _text(root: ET.Element) -> bytes:
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"
