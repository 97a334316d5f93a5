"""Readers and writers over files, streams in memory and packed streams ([D] .NET Framework reference)."""

from __future__ import annotations

import gzip
import zlib
from typing import Any, Final

from harness.twin.shell.dotnet import enums
from harness.twin.shell.dotnet.files import full_path
from harness.twin.shell.dotnet.registry import constructor, method, prop
from harness.twin.shell.dotnet.strings import Encoding, byte_list
from harness.twin.shell.errors import limitation, net_error
from harness.twin.shell.objects import NOTHING, EnumType, PSEnum
from harness.twin.shell.session import current
from harness.twin.shell.storage import storage_of, text_of
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import ENUMS, register_enum, register_type, register_value_type

_IO: Final = "System.IO."
_PACKED: Final = "System.IO.Compression."
register_enum(EnumType("System.IO.Compression.CompressionMode", {"Decompress": 0, "Compress": 1}))
register_enum(EnumType("System.IO.SeekOrigin", {"Begin": 0, "Current": 1, "End": 2}))
_OPEN: Final = ("open", "append", "openorcreate")
_END: Final = "The stream is closed."


def _codec(encoding: object) -> str:
    return encoding.codec if isinstance(encoding, Encoding) else "utf-8"


class Stream:
    """Bytes with a position: in memory, or those of a file, which change when the stream is flushed or closed."""

    __slots__ = ("changed", "data", "kind", "open", "path", "position", "target")

    def __init__(self, kind: str, data: bytes = b"", path: str = "") -> None:
        self.kind = kind
        self.data = bytearray(data)
        self.path = path
        self.position = 0
        self.open = True
        self.changed = False
        self.target: Stream | None = None

    def put(self, octets: bytes) -> object:
        """Write at the position."""
        self._check()
        self.data[self.position : self.position + len(octets)] = octets
        self.position += len(octets)
        self.changed = True
        return NOTHING

    def take(self, count: int) -> bytes:
        """Read from the position."""
        self._check()
        found = bytes(self.data[self.position : self.position + count])
        self.position += len(found)
        return found

    def rest(self) -> str:
        """Everything from the position on as text."""
        return text_of(self.take(len(self.data)))

    def add(self, text: str) -> None:
        """Write text at the position."""
        self.put(text.encode("utf-8"))

    def flush(self) -> object:
        """Bring what was written to its file, or through the packer into the stream below."""
        if self.changed and self.path:
            storage_of(current()).write(self.path, bytes(self.data))
        if self.changed and self.target is not None:
            pack = gzip.compress if self.kind.endswith("GZipStream") else zlib.compress
            self.target.put(pack(bytes(self.data)))
        self.changed = False
        return NOTHING

    def close(self) -> object:
        """Flush, and refuse what comes later; a stream below closes too."""
        if self.open:
            self.flush()
            self.open = False
            if self.target is not None:
                self.target.close()
        return NOTHING

    def _check(self) -> None:
        if not self.open:
            raise net_error("System.ObjectDisposedException", "Cannot access a closed Stream.")


register_type(f"{_IO}Stream")
_BASES: Final = (f"{_IO}Stream", "System.MarshalByRefObject", "System.Object")
_CLASSES: Final[dict[str, type[Stream]]] = {}


def _declare(full: str) -> None:
    """A class of streams of its own, so that it is a ``Stream`` to whoever asks."""
    made = type(full.rpartition(".")[2], (Stream,), {"__slots__": ()})
    _CLASSES[full] = made
    register_type(full)
    register_value_type(made, full, (full, *_BASES))


for _name in (f"{_IO}FileStream", f"{_IO}MemoryStream", f"{_PACKED}GZipStream", f"{_PACKED}DeflateStream"):
    _declare(_name)


def new_stream(kind: str, data: bytes = b"", path: str = "") -> Stream:
    """A stream of a class."""
    return _CLASSES[kind](kind, data, path)


def _file_stream(path: str, mode: PSEnum, _access: object = None, _share: object = None) -> Stream:
    place, files, how = full_path(path), storage_of(current()), mode.name.lower()
    there = files.kind(place) == "file"
    if how == "open" and not there:
        raise net_error("System.IO.FileNotFoundException", f"Could not find file '{place}'.")
    if how == "createnew" and there:
        raise net_error("System.IO.IOException", f"The file '{place}' already exists.")
    made = new_stream(f"{_IO}FileStream", files.read(place) if there and how in _OPEN else b"", place)
    if how == "append":
        made.position = len(made.data)
    if how not in ("open", "append") or not there:
        made.changed = True
        made.flush()
    return made


def _unpacked(kind: str, below: Stream | None, mode: PSEnum) -> Stream:
    if below is None:
        raise net_error("System.ArgumentNullException", "Value cannot be null.\r\nParameter name: stream")
    made = new_stream(f"{_PACKED}{kind}")
    if mode.name == "Compress":
        made.target = below
        return made
    packed = below.take(len(below.data))
    try:
        made.data = bytearray(gzip.decompress(packed) if kind == "GZipStream" else zlib.decompress(packed, -15))
    except (OSError, zlib.error, EOFError):
        text = "The magic number in GZip header is not correct. Make sure you are passing in a GZip stream."
        raise net_error("System.IO.InvalidDataException", text) from None
    return made


def _read(this: Stream, buffer: list[object], offset: int, count: int) -> int:
    """``Read``: into the caller's array."""
    octets = this.take(count)
    buffer[offset : offset + len(octets)] = byte_list(octets)
    return len(octets)


def _move(this: Stream, value: Any) -> None:
    this.position = int(value)


for _name in ("StreamReader", "StreamWriter", "StringReader", "StringWriter"):
    register_type(_IO + _name)


constructor(f"{_IO}MemoryStream", "", "byte[] buffer")(lambda data=(): new_stream(f"{_IO}MemoryStream", bytes(data)))
constructor(
    f"{_IO}FileStream",
    "string path, System.IO.FileMode mode",
    "string path, System.IO.FileMode mode, System.IO.FileAccess access",
    "string path, System.IO.FileMode mode, System.IO.FileAccess access, System.IO.FileShare share",
)(_file_stream)
for _name in ("GZipStream", "DeflateStream"):
    constructor(
        f"System.IO.Compression.{_name}", "System.IO.Stream stream, System.IO.Compression.CompressionMode mode"
    )(lambda below, mode, kind=_name: _unpacked(kind, below, mode))
prop(Stream, "CanRead", lambda this: this.open)
prop(Stream, "CanWrite", lambda this: this.open)
prop(Stream, "Length", lambda this: len(this.data))
prop(Stream, "Position", lambda this: this.position, _move)
prop(Stream, "Name", lambda this: this.path)
method(Stream, "Read", "object buffer, int offset, int count")(_read)
method(Stream, "ReadByte")(lambda this: next(iter(this.take(1)), -1))
method(Stream, "Write", "byte[] buffer, int offset, int count")(
    lambda this, data, offset, count: this.put(bytes(data[offset : offset + count]))
)
method(Stream, "WriteByte", "byte value")(lambda this, value: this.put(bytes([value])))
method(Stream, "ToArray")(lambda this: byte_list(bytes(this.data)))
method(Stream, "Flush")(lambda this: this.flush())
method(Stream, "CopyTo", "System.IO.Stream destination")(lambda this, other: other.put(this.take(len(this.data))))


@method(Stream, "Seek", "long offset, System.IO.SeekOrigin origin")
def seek(this: Stream, offset: int, origin: PSEnum) -> int:
    """Move the position."""
    this.position = offset + {"Begin": 0, "Current": this.position, "End": len(this.data)}[origin.name]
    return this.position


class Reader:
    """Text that is read from front to back."""

    __slots__ = ("at", "kind", "stream", "text")

    def __init__(self, kind: str, text: str, stream: Stream | None = None) -> None:
        self.kind = kind
        self.text = text
        self.at = 0
        self.stream = stream

    def line(self) -> str | None:
        """The next line; ``None`` at the end."""
        if self.at >= len(self.text):
            return None
        first = self.text[self.at :].splitlines(keepends=True)[0]
        self.at += len(first)
        return first.rstrip("\r\n")

    def rest(self) -> str:
        """All that is left."""
        found, self.at = self.text[self.at :], len(self.text)
        return found

    def letter(self, move: bool) -> int:
        """The next character's number, -1 at the end."""
        found = ord(self.text[self.at]) if self.at < len(self.text) else -1
        self.at += 1 if move and found >= 0 else 0
        return found

    def close(self) -> object:
        """The stream below closes too."""
        return NOTHING if self.stream is None else self.stream.close()


class Writer:
    """Text that is written from front to back; to a file, a stream, or into a string."""

    __slots__ = ("codec", "flushing", "kind", "stream", "text")

    def __init__(self, kind: str, stream: Stream | None = None, codec: str = "utf-8") -> None:
        self.kind = kind
        self.stream = stream
        self.codec = codec
        self.text = ""
        self.flushing = False

    def add(self, text: str) -> object:
        """Write text."""
        if self.stream is not None and not self.stream.open:
            raise net_error("System.ObjectDisposedException", "Cannot write to a closed TextWriter.")
        self.text += text
        return self.flush() if self.flushing else NOTHING

    def flush(self) -> object:
        """Pass on what was written."""
        if self.stream is not None:
            self.stream.put(self.text.encode(self.codec, "replace"))
            self.text = ""
            self.stream.flush()
        return NOTHING

    def close(self) -> object:
        """Flush, and close what is below."""
        if self.stream is not None and self.stream.open:
            self.flush()
            self.stream.close()
        return NOTHING


def _reader(source: object, encoding: object = None) -> Reader:
    if isinstance(source, Stream):
        return Reader(f"{_IO}StreamReader", text_of(source.take(len(source.data)), _codec(encoding)), source)
    path = full_path(to_text(source))
    return Reader(f"{_IO}StreamReader", text_of(storage_of(current()).read(path), _codec(encoding)))


def _writer(target: object, second: object = None, third: object = None) -> Writer:
    encoding = third if isinstance(third, Encoding) else second
    if isinstance(target, Stream):
        return Writer(f"{_IO}StreamWriter", target, _codec(encoding))
    if not isinstance(target, str):
        raise limitation(f"a writer to '{to_text(target)}' is not simulated")
    mode = ENUMS["system.io.filemode"]("Append" if second is True else "Create")
    stream = _file_stream(target, mode)
    if isinstance(encoding, Encoding) and not stream.data and encoding.codec.startswith("utf"):
        stream.put("\ufeff".encode(encoding.codec))
    return Writer(f"{_IO}StreamWriter", stream, _codec(encoding))


register_value_type(Reader, lambda value: value.kind if isinstance(value, Reader) else "")
register_value_type(Writer, lambda value: value.kind if isinstance(value, Writer) else "")
constructor(f"{_IO}StreamReader", "object source", "object source, object encoding")(_reader)
constructor(
    f"{_IO}StreamWriter", "object path", "object path, object append", "object path, bool append, object encoding"
)(_writer)
constructor(f"{_IO}StringReader", "string s")(lambda text: Reader(f"{_IO}StringReader", text))
constructor(f"{_IO}StringWriter", "", "object provider")(lambda _provider=None: Writer(f"{_IO}StringWriter"))
prop(Reader, "EndOfStream", lambda this: this.at >= len(this.text))
method(Reader, "ReadLine")(lambda this: this.line())
method(Reader, "ReadToEnd")(lambda this: this.rest())
method(Reader, "Read")(lambda this: this.letter(True))
method(Reader, "Peek")(lambda this: this.letter(False))
prop(Writer, "AutoFlush", lambda this: this.flushing, lambda this, value: setattr(this, "flushing", bool(value)))
prop(Writer, "NewLine", lambda _: "\r\n")
method(Writer, "Write", "object value")(lambda this, value: this.add(to_text(value)))
method(Writer, "WriteLine", "", "object value")(lambda this, value="": this.add(f"{to_text(value)}\r\n"))
method(Writer, "Flush")(lambda this: this.flush())
method(Writer, "ToString")(lambda this: this.text if this.stream is None else this.kind)
for _class in (Stream, Reader, Writer):
    method(_class, "Close")(lambda this: this.close())
    method(_class, "Dispose")(lambda this: this.close())

__all__ = ["enums"]
