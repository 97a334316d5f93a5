"""Text out of CLIXML, the form in which powershell.exe writes its error stream when started with -EncodedCommand.

Only what a harness reads: the text of each record, by stream.  Progress records are skipped: the first load of a
module writes some, so a standard error stream that is not empty means nothing ([C] captured from Windows hosts).
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Final

HEADER: Final = "#< CLIXML"
_DOCUMENT: Final = re.compile(r"<Objs\b.*?</Objs>|<Objs\b[^>]*/>", re.DOTALL)
_ESCAPE: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")
_LABELS: Final = {"warning": "WARNING", "verbose": "VERBOSE", "debug": "DEBUG"}
_NAMESPACE: Final = "{http://schemas.microsoft.com/powershell/2004/04}"


def unescape(text: str) -> str:
    """Undo `_xHHHH_`; surrogate pairs are joined."""
    plain = _ESCAPE.sub(lambda match: chr(int(match.group(1), 16)), text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def read_streams(text: str) -> dict[str, str]:
    """Text by stream name in lower case (`error`, `warning`, `verbose`, `debug`, `information`).

    Several documents may follow each other; text outside them counts as `error`, as does a document that is not
    well-formed.
    """
    streams: dict[str, list[str]] = {}
    outside = _DOCUMENT.sub("", text).replace(HEADER, "")
    if outside.strip():
        streams["error"] = [outside.strip() + "\n"]
    for document in _DOCUMENT.findall(text):
        try:
            records = ET.fromstring(document)  # noqa: S314 - no external entities; from an authenticated node
        except ET.ParseError:
            streams.setdefault("error", []).append(document)
            continue
        for record in records:
            name = record.get("S", "output").lower()
            if name != "progress":
                streams.setdefault(name, []).append(_read_text(record))
    return {name: "".join(parts) for name, parts in streams.items()}


def read_console(text: str) -> str:
    """What a console would have shown of a standard error stream, CLIXML or not, line ends normalised.

    Errors as they are, messages behind their labels, all in their order.  Information is left out: the program writes
    it to standard output too.
    """
    outside = _DOCUMENT.sub("", text).replace(HEADER, "").strip("\r\n")
    shown = [outside + "\n"] if outside else []
    for found in _DOCUMENT.findall(text):
        try:
            records = ET.fromstring(found)  # noqa: S314 - no external entities; from an authenticated node
        except ET.ParseError:
            shown.append(found)
            continue
        for record in records:
            name = record.get("S", "").lower()
            if name == "error":
                shown.append(_read_text(record))
            elif name in _LABELS:
                shown.append(f"{_LABELS[name]}: {_read_text(record)}\n")
    return "".join(shown).replace("\r\n", "\n")


def read_errors(text: str) -> str:
    """The error text of a standard error stream, CLIXML or not, line ends normalised."""
    if HEADER not in text and "<Objs" not in text:
        return text.replace("\r\n", "\n").strip()
    return read_streams(text).get("error", "").replace("\r\n", "\n").strip()


def _read_text(record: ET.Element) -> str:
    if record.tag == f"{_NAMESPACE}S":
        return unescape(record.text or "")
    shown = record.findtext(f"{_NAMESPACE}ToString", "")
    return unescape(shown) + "\n" if shown else ""
