"""``[uri]``, ``[ipaddress]`` and ``[mailaddress]`` ([D] .NET Framework reference)."""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import quote, unquote

from harness.twin.shell.clixml import TEXT_TAGS
from harness.twin.shell.clixmlreader import EXTRA_READERS, REBUILT
from harness.twin.shell.clixmltext import unescaped
from harness.twin.shell.conversion import bad_cast, caster
from harness.twin.shell.dotnet.registry import constructor, method, prop, static, static_prop
from harness.twin.shell.errors import NetError, net_error
from harness.twin.shell.objects import Byte, Int64, PSArray, PSEnum, PSObject, Reference
from harness.twin.shell.text import register_text, to_text
from harness.twin.shell.typesystem import ENUMS, TypeRef, is_null, register_type, register_value_type

URI: Final = "System.Uri"
_PORTS: Final = {"http": 80, "https": 443, "ftp": 21, "ldap": 389, "file": -1, "net.tcp": 808}
_HOST_KIND: Final = ENUMS["system.urihostnametype"]
_KIND: Final = ENUMS["system.urikind"]
_ABSOLUTE: Final = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+):(.*)$", re.DOTALL)
_AUTHORITY: Final = re.compile(
    r"^//(?:([^@/?#]*)@)?(\[[^\]]*\]|[^:/?#]*)(?::(\d*))?([^?#]*)(\?[^#]*)?(#.*)?$", re.DOTALL
)
_RESERVED: Final = "!*'();:@&=+$,/?#[]"
_FREE: Final = re.compile(r"%(2[DdEe]|3[0-9]|4[1-9A-Fa-f]|5[0-9AaFf]|6[1-9A-Fa-f]|7[0-9AaEe])")


def _loose(text: str) -> str:
    """Escapes of characters that need none are taken back."""
    return _FREE.sub(lambda found: chr(int(found.group(1), 16)), text)


def _escaped(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9\-._~%!*'();:@&=+$,/?#\[\]]", lambda found: quote(found.group(0)), text)


class Uri:
    """A uniform resource identifier, absolute or relative."""

    __slots__ = ("absolute", "fragment", "host", "original", "path", "port", "query", "scheme", "user")

    def __init__(self, text: str, kind: int = 0) -> None:
        self.original = text
        self.scheme = self.user = self.host = self.path = self.query = self.fragment = ""
        self.port = -1
        plain = text.strip()
        if re.match(r"^[A-Za-z]:[\\/]", plain):
            plain = "file:///" + plain.replace("\\", "/")
        elif plain.startswith("\\\\"):
            plain = "file:" + plain.replace("\\", "/")
        found = _ABSOLUTE.match(plain)
        self.absolute = found is not None and kind != 2 and self._split(found[1].lower(), found[2])
        if not self.absolute and kind == 1:
            raise net_error("System.UriFormatException", _INVALID)

    def _split(self, scheme: str, rest: str) -> bool:
        parts = _AUTHORITY.match(rest)
        self.scheme, self.port = scheme, _PORTS.get(scheme, -1)
        if parts is None:
            path, mark, query = rest.partition("?")
            self.path, self.query = path, mark + query
            return not rest.startswith("//")
        self.user, self.host = parts[1] or "", (parts[2] or "").lower()
        if not self.host and scheme in ("http", "https", "ftp"):
            raise net_error("System.UriFormatException", "Invalid URI: The hostname could not be parsed.")
        if parts[3]:
            self.port = int(parts[3])
        self.path = _loose(parts[4] or "") or ("/" if scheme in _PORTS else "")
        self.query, self.fragment = _loose(parts[5] or ""), _loose(parts[6] or "")
        return True

    @property
    def authority(self) -> str:
        """Host, and the port when it is not the scheme's own."""
        return self.host if self.port in (-1, _PORTS.get(self.scheme, -1)) else f"{self.host}:{self.port}"

    def _joined(self, path: str, query: str, fragment: str) -> str:
        user = f"{self.user}@" if self.user else ""
        slashes = "//" if self.host or self.scheme == "file" else ""
        return f"{self.scheme}:{slashes}{user}{self.authority}{path}{query}{fragment}"

    @property
    def escaped(self) -> str:
        """``AbsoluteUri``."""
        return self._joined(_escaped(self.path), _escaped(self.query), _escaped(self.fragment))

    @property
    def local(self) -> str:
        """``LocalPath``."""
        path = unquote(self.path)
        if self.scheme != "file":
            return path
        if self.host:
            return f"\\\\{self.host}{path}".replace("/", "\\")
        return path.lstrip("/").replace("/", "\\") if re.match(r"^/[A-Za-z]:", path) else path

    def __str__(self) -> str:
        if not self.absolute:
            return self.original
        return self._joined(_shown(self.path), _shown(self.query), _shown(self.fragment))


def _shown(text: str) -> str:
    """``ToString()`` takes escapes back, but not those of reserved characters."""
    keep = {f"%{ord(one):02X}" for one in "%" + _RESERVED}
    return re.sub(
        r"(?:%[0-9A-Fa-f]{2})+",
        lambda found: "".join(
            part if part.upper() in keep else unquote(part)
            for part in re.findall(r"(?:%[89A-Fa-f][0-9A-Fa-f])+|%[0-7][0-9A-Fa-f]", found.group(0))
        ),
        text,
    )


_INVALID: Final = "Invalid URI: The format of the URI could not be determined."
_RELATIVE: Final = "This operation is not supported for a relative URI."
register_value_type(Uri, URI)
register_text(Uri, str)
TEXT_TAGS[Uri] = "URI"
EXTRA_READERS["URI"] = lambda text: Uri(unescaped(text))


def _only_absolute(name: str, read: object) -> None:
    def getter(this: Uri) -> object:
        if not this.absolute:
            raise net_error("System.InvalidOperationException", _RELATIVE)
        return read(this)  # type: ignore[operator]

    prop(Uri, name, getter)


def _host_kind(this: Uri) -> PSEnum:
    if not this.host:
        return _HOST_KIND("Basic")
    if re.fullmatch(r"\d+(\.\d+){3}", this.host):
        return _HOST_KIND("IPv4")
    return _HOST_KIND("IPv6" if this.host.startswith("[") else "Dns")


def _segments(this: Uri) -> PSArray:
    return PSArray(re.findall(r"[^/]*/|[^/]+", _escaped(this.path)), "System.String")


for _label, _function in (
    ("AbsolutePath", lambda this: _escaped(this.path)),
    ("AbsoluteUri", lambda this: this.escaped),
    ("LocalPath", lambda this: this.local),
    ("Authority", lambda this: this.authority),
    ("HostNameType", _host_kind),
    ("IsDefaultPort", lambda this: this.port == _PORTS.get(this.scheme, -1)),
    ("IsFile", lambda this: this.scheme == "file"),
    ("IsLoopback", lambda this: this.host in ("localhost", "127.0.0.1", "[::1]") or not this.host),
    ("PathAndQuery", lambda this: _escaped(this.path + this.query)),
    ("Segments", _segments),
    ("IsUnc", lambda this: this.scheme == "file" and bool(this.host)),
    ("Host", lambda this: this.host),
    ("Port", lambda this: this.port),
    ("Query", lambda this: _escaped(this.query)),
    ("Fragment", lambda this: _escaped(this.fragment)),
    ("Scheme", lambda this: this.scheme),
):
    _only_absolute(_label, _function)
prop(Uri, "OriginalString", lambda this: this.original)
_only_absolute("DnsSafeHost", lambda this: this.host.strip("[]"))
_only_absolute("IdnHost", lambda this: this.host.strip("[]"))
prop(Uri, "IsAbsoluteUri", lambda this: this.absolute)
prop(Uri, "UserEscaped", lambda _this: False)
_only_absolute("UserInfo", lambda this: this.user)
method(Uri, "ToString")(str)
method(Uri, "Equals", "object comparand")(lambda this, other: isinstance(other, Uri) and str(this) == str(other))


def _kind_value(kind: object) -> int:
    return kind.value if isinstance(kind, PSEnum) else 1


constructor(URI, "string uriString", "string uriString, UriKind uriKind")(
    lambda text, kind=None: Uri(text, _kind_value(kind))
)


@constructor(URI, "uri baseUri, string relativeUri", "uri baseUri, uri relativeUri")
def joined_uri(base: Uri, relative: object) -> Uri:
    """A relative URI seen from a base."""
    text = to_text(relative)
    if _ABSOLUTE.match(text):
        return Uri(text, 1)
    root = base._joined("", "", "")
    if text.startswith("/"):
        return Uri(root + text, 1)
    folder = base.path[: base.path.rfind("/") + 1] or "/"
    parts: list[str] = []
    for part in (folder + text).split("/"):
        if part == "..":
            del parts[-1:]
        elif part != ".":
            parts.append(part)
    return Uri(root + "/" + "/".join(parts).lstrip("/"), 1)


@caster(URI)
def to_uri(value: object, target: TypeRef) -> Uri | None:
    """``[uri]`` of text: absolute or relative."""
    if is_null(value):
        return None
    if isinstance(value, Uri):
        return value
    try:
        return Uri(to_text(value))
    except NetError as fault:
        text = fault.exception.message
        raise bad_cast(
            value, target, "InvalidCastConstructorTargetInvocationException", text, fault.exception
        ) from None


static(URI, "EscapeDataString", "string stringToEscape")(lambda text: quote(text, safe="-_.~"))
static(URI, "EscapeUriString", "string stringToEscape")(_escaped)
static(URI, "UnescapeDataString", "string stringToUnescape")(unquote)
static_prop(URI, "UriSchemeHttp", lambda: "http")
static_prop(URI, "UriSchemeHttps", lambda: "https")
static_prop(URI, "UriSchemeFile", lambda: "file")


@static(URI, "IsWellFormedUriString", "string uriString, UriKind uriKind")
def well_formed(text: str, kind: PSEnum) -> bool:
    """Whether a text is an escaped URI of a kind."""
    try:
        made = Uri(text, kind.value)
    except NetError:
        return False
    return _escaped(text) == text and (made.absolute if kind.value == 1 else not made.absolute or kind.value == 0)


@static(URI, "TryCreate", "string uriString, UriKind uriKind, ref result")
def try_create(text: str, kind: PSEnum, result: Reference) -> bool:
    """A URI, if the text is one."""
    try:
        made = Uri(text or "", kind.value)
    except NetError:
        result.setter(None)
        return False
    result.setter(made)
    return True


@static(URI, "CheckHostName", "string name")
def check_host(name: str) -> PSEnum:
    """What kind of host a text names."""
    if re.fullmatch(r"\d+(\.\d+){3}", name):
        return _HOST_KIND("IPv4")
    return _HOST_KIND("Dns" if re.fullmatch(r"[A-Za-z0-9_]([\w-]*\w)?(\.[\w-]+)*", name) else "Unknown")


# ----------------------------------------------------------------------------------------------------------- addresses

ADDRESS: Final = "System.Net.IPAddress"
_FAMILY: Final = ENUMS["system.net.sockets.addressfamily"]
_BAD: Final = "An invalid IP address was specified."
_REFUSED: Final = "The attempted operation is not supported for the type of object referenced"


class IpAddress:
    """An IP address of version 4 or 6."""

    __slots__ = ("value",)

    def __init__(self, value: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
        self.value = value

    @property
    def is_v6(self) -> bool:
        """Whether it is of version 6."""
        return isinstance(self.value, ipaddress.IPv6Address)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IpAddress) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)

    def __str__(self) -> str:
        return str(self.value)


def parse_address(text: str) -> IpAddress:
    """An address of text; a version 4 one may have fewer than four numbers. Raises ``NetError``."""
    plain = text.strip()
    try:
        if ":" in plain:
            return IpAddress(ipaddress.IPv6Address(plain.strip("[]").partition("%")[0]))
        parts = [int(part, 16) if part.lower().startswith("0x") else int(part) for part in plain.split(".")]
        if not 1 <= len(parts) <= 4 or any(part < 0 or part > 255 for part in parts[:-1]):
            raise ValueError(text)
        number = parts[-1]
        if number >= 1 << (8 * (5 - len(parts))):
            raise ValueError(text)
        for at, part in enumerate(parts[:-1]):
            number += part << (8 * (3 - at))
        return IpAddress(ipaddress.IPv4Address(number))
    except ValueError:
        raise net_error("System.FormatException", _BAD) from None


def _reversed(this: IpAddress) -> Int64:
    if this.is_v6:
        raise net_error("System.Net.Sockets.SocketException", _REFUSED)
    return Int64(int.from_bytes(this.value.packed, "little"))


def _scope(this: IpAddress) -> object:
    if not this.is_v6:
        raise net_error("System.Net.Sockets.SocketException", _REFUSED)
    return Int64(0)


register_value_type(IpAddress, ADDRESS)
register_text(IpAddress, str)
prop(IpAddress, "Address", _reversed)
prop(IpAddress, "AddressFamily", lambda this: _FAMILY("InterNetworkV6" if this.is_v6 else "InterNetwork"))
prop(IpAddress, "ScopeId", _scope)
prop(IpAddress, "IsIPv6Multicast", lambda this: this.is_v6 and this.value.is_multicast)
prop(IpAddress, "IsIPv6LinkLocal", lambda this: this.is_v6 and this.value.is_link_local)
prop(IpAddress, "IsIPv6SiteLocal", lambda this: this.is_v6 and this.value.is_site_local)
prop(IpAddress, "IsIPv6Teredo", lambda this: this.is_v6 and this.value.teredo is not None)
prop(IpAddress, "IsIPv4MappedToIPv6", lambda this: this.is_v6 and this.value.ipv4_mapped is not None)
prop(IpAddress, "IPAddressToString", str, member="ScriptProperty")
method(IpAddress, "GetAddressBytes")(lambda this: PSArray([Byte(one) for one in this.value.packed], "System.Byte"))
method(IpAddress, "ToString")(str)
method(IpAddress, "Equals", "object comparand")(lambda this, other: this == other)
for _label, _text in (("Loopback", "127.0.0.1"), ("Any", "0.0.0.0"), ("Broadcast", "255.255.255.255")):  # noqa: S104
    static_prop(ADDRESS, _label, lambda text=_text: parse_address(text))  # type: ignore[misc]
static_prop(ADDRESS, "IPv6Loopback", lambda: parse_address("::1"))
static_prop(ADDRESS, "IPv6Any", lambda: parse_address("::"))
static(ADDRESS, "Parse", "string ipString")(parse_address)
static(ADDRESS, "IsLoopback", "ipaddress address")(lambda address: address.value.is_loopback)


def _numbered(number: int) -> ipaddress.IPv4Address:
    """The address of a number, whose lowest byte comes first.  Raises NetError for one that is none."""
    if not 0 <= number < 2**32:
        text = "Specified argument was out of the range of valid values.\r\nParameter name: newAddress"
        raise net_error("System.ArgumentOutOfRangeException", text)
    return ipaddress.IPv4Address(number.to_bytes(4, "little"))


constructor(ADDRESS, "byte[] address", "long newAddress")(
    lambda value: IpAddress(ipaddress.ip_address(bytes(value)) if isinstance(value, list) else _numbered(int(value)))
)


@static(ADDRESS, "TryParse", "string ipString, ref address")
def try_parse_address(text: str, result: Reference) -> bool:
    """An address, if the text is one."""
    try:
        result.setter(parse_address(text or ""))
    except NetError:
        result.setter(None)
        return False
    return True


@caster(ADDRESS)
def to_address(value: object, target: TypeRef) -> object:
    """``[ipaddress]`` of text, of a number or of bytes."""
    if is_null(value):
        return None
    if isinstance(value, IpAddress):
        return value
    number = int(value) if isinstance(value, int) and not isinstance(value, bool) else None
    try:
        return parse_address(to_text(value)) if number is None else IpAddress(_numbered(number))
    except NetError as fault:
        inner = fault.exception
        error_id = "InvalidCastParseTargetInvocation"
        if number is not None:
            error_id = "InvalidCastConstructorTargetInvocationException"
        raise bad_cast(value, target, error_id, inner.message, inner) from None


MAIL: Final = "System.Net.Mail.MailAddress"
register_type(MAIL)


class MailAddress:
    """A mail address with a name to show."""

    __slots__ = ("address", "name")

    def __init__(self, text: str, name: str = "") -> None:
        found = re.fullmatch(r'\s*(?:"?([^"<]*?)"?\s*<)?([^@<>\s]+@[^@<>\s]+)>?\s*', text or "")
        if found is None:
            raise net_error(
                "System.FormatException", "The specified string is not in the form required for an e-mail address."
            )
        self.name = name or (found[1] or "").strip()
        self.address = found[2]

    def __str__(self) -> str:
        return f'"{self.name}" <{self.address}>' if self.name else self.address


register_value_type(MailAddress, MAIL)
register_text(MailAddress, str)
prop(MailAddress, "DisplayName", lambda this: this.name)
prop(MailAddress, "User", lambda this: this.address.partition("@")[0])
prop(MailAddress, "Host", lambda this: this.address.partition("@")[2])
prop(MailAddress, "Address", lambda this: this.address)
constructor(MAIL, "string address", "string address, string displayName")(MailAddress)


def _rebuilt_address(made: PSObject) -> object:
    return parse_address(to_text(made.text))


REBUILT["system.net.ipaddress"] = _rebuilt_address
REBUILT["system.net.mail.mailaddress"] = lambda made: MailAddress(to_text(made.text))
