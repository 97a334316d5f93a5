"""Masking of secrets.  Stands at the journal's door, in logging, and before every evidence and report file.

A secret is known from the moment it is resolved.  Its disguises are masked too: base64 of its UTF-8 and UTF-16LE
bytes (what `-EncodedCommand` and Basic authentication carry, at any alignment), URL and JSON escapes, and its
hexadecimal form.
"""

from __future__ import annotations

import base64
import html
import json
import logging
import re
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

MASK: Final = "***"
_WIDE: Final = (("utf-16-le", MASK.encode("utf-16-le")), ("utf-16-be", MASK.encode("utf-16-be")))
MIN_LENGTH: Final = 4
"""A shorter secret is refused: masking it would tear holes into every text."""


def _base64_cores(raw: bytes) -> Iterable[str]:
    """The parts of the base64 text of `raw` that do not depend on its neighbours, for the three alignments."""
    for lead in range(3):
        padded = b"\0" * lead + raw
        text = base64.b64encode(padded).decode().rstrip("=")
        first = (lead * 8 + 5) // 6
        last = len(padded) * 8 // 6
        core = text[first:last]
        if len(core) >= MIN_LENGTH:
            yield core


def _windows_json(secret: str) -> str:
    """`secret` as ConvertTo-Json of Windows PowerShell writes it: quotes and angle brackets as code points too."""
    return re.sub("[&'<>]", lambda match: f"\\u{ord(match[0]):04x}", json.dumps(secret, ensure_ascii=False)[1:-1])


def disguises(secret: str) -> tuple[str, ...]:
    """All texts under which `secret` may travel, the longest first."""
    utf8, utf16 = secret.encode(), secret.encode("utf-16-le")
    forms = {
        secret,
        secret.encode("unicode_escape").decode(),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        _windows_json(secret),
        urllib.parse.quote(secret, safe=""),
        urllib.parse.quote_plus(secret),
        html.escape(secret, quote=False),
        html.escape(secret, quote=False).replace("'", "&apos;").replace('"', "&quot;"),
        secret.replace("'", "''"),
        utf8.hex(),
        utf8.hex().upper(),
        utf16.hex(),
        utf16.hex().upper(),
        utf16.decode("latin-1"),
        *_base64_cores(utf8),
        *_base64_cores(utf16),
    }
    return tuple(sorted((form for form in forms if len(form) >= MIN_LENGTH), key=lambda form: (-len(form), form)))


class Redactor:
    """Registry of known secrets and the mask over them.  Registering is additive and for the life of the process."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._quick: re.Pattern[str] | None = None
        self._bytes_pattern: re.Pattern[bytes] | None = None
        self._masks: dict[bytes, bytes] = {}

    def register(self, secret: str) -> None:
        """Mask `secret` from now on.  Raises ValueError when it is too short to be masked safely."""
        if len(secret) < MIN_LENGTH:
            raise ValueError(f"a secret must have at least {MIN_LENGTH} characters to be masked safely")
        self._forms.update(disguises(secret))
        ordered = sorted(self._forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, ordered)))
        inside_json = {json.dumps(form, ensure_ascii=False)[1:-1] for form in ordered}
        self._quick = re.compile(
            "|".join(map(re.escape, sorted({*ordered, *inside_json}, key=lambda form: (-len(form), form))))
        )
        self._masks = {form.encode(errors="replace"): MASK.encode() for form in ordered}
        for encoding, mask in _WIDE:
            self._masks |= {form.encode(encoding, errors="replace"): mask for form in ordered}
        self._bytes_pattern = re.compile(
            b"|".join(re.escape(form) for form in sorted(self._masks, key=lambda form: (-len(form), form)))
        )

    def text(self, text: str) -> str:
        """`text` with every known secret masked."""
        # Again until nothing is left: a mask and its neighbours may spell another secret.
        while self._pattern and self._pattern.search(text):
            text = self._pattern.sub(MASK, text)
        return text

    def touches(self, text: str) -> bool:
        """Does `text`, which may be JSON, hold a known secret in any form?  Cheaper than masking when there is none."""
        return bool(self._quick and self._quick.search(text))

    def value(self, value: Any) -> Any:
        """A JSON value with every string in it, keys included, masked; untouched parts keep their identity."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(item) for key, item in value.items()}
        if isinstance(value, Sequence) and not isinstance(value, bytes):
            return [self.value(item) for item in value]
        return value

    def raw(self, content: bytes) -> bytes:
        """File content with every known secret masked, also where the file is UTF-16."""
        while self._bytes_pattern and self._bytes_pattern.search(content):
            content = self._bytes_pattern.sub(lambda match: self._masks[match[0]], content)
        return content

    def finds_in(self, content: bytes) -> bool:
        """Does `content` hold a known secret in any form?  For the final scan of a run folder."""
        return bool(self._bytes_pattern and self._bytes_pattern.search(content))

    def logging_filter(self) -> logging.Filter:
        """A filter for log handlers that masks the finished message."""
        redactor = self

        class _Filter(logging.Filter):
            def filter(self, record: logging.LogRecord) -> bool:
                record.msg, record.args = redactor.text(record.getMessage()), None
                if not record.exc_text and record.exc_info:
                    record.exc_text = logging.Formatter().formatException(record.exc_info)
                # Another handler may have put the text there before this one was asked.
                record.exc_text = redactor.text(record.exc_text) if record.exc_text else None
                record.stack_info = redactor.text(record.stack_info) if record.stack_info else None
                return True

        return _Filter()
