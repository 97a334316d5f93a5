"""No secret gets past the door, in any disguise; nothing else is touched."""

from __future__ import annotations

import base64
import html
import json
import logging
import string
import urllib.parse
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.journal import JournalWriter, Kind, Redactor
from harness.journal.redactor import MASK, MIN_LENGTH, disguises
from tests.examples import examples

SECRET = "Hil1-pässw<ö>rd & 'more'/+\"quoted\""
ASCII_SECRET = "S3cr3t/Word+9"

secrets = st.text(st.characters(exclude_categories=["Cs"]), min_size=MIN_LENGTH, max_size=24)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def knowing(*known: str) -> Redactor:
    redactor = Redactor()
    for secret in known:
        redactor.register(secret)
    return redactor


def encoded_command(text: str) -> str:
    return base64.b64encode(text.encode("utf-16-le")).decode()


class TestDisguises:
    @pytest.mark.parametrize("secret", [SECRET, ASCII_SECRET])
    @pytest.mark.parametrize(
        "wear",
        [
            str,
            json.dumps,
            lambda s: json.dumps(s, ensure_ascii=False),
            lambda s: urllib.parse.quote(s, safe=""),
            urllib.parse.quote_plus,
            escape,
            lambda s: s.replace("'", "''"),
            lambda s: s.encode().hex(),
            lambda s: s.encode().hex().upper(),
            lambda s: s.encode("utf-16-le").hex(),
        ],
    )
    def test_each_is_masked(self, secret: str, wear: object) -> None:
        assert callable(wear)
        worn = wear(secret)
        masked = knowing(secret).text(f"before {worn} after")
        assert masked.replace('"', "") == f"before {MASK} after"

    def test_json_of_windows_powershell(self) -> None:
        worn = SECRET.replace('"', '\\"').replace("&", "\\u0026").replace("'", "\\u0027")
        worn = worn.replace("<", "\\u003c").replace(">", "\\u003e")
        assert json.loads(f'"{worn}"') == SECRET
        assert knowing(SECRET).text(worn) == MASK

    @settings(max_examples=examples(100), deadline=None)
    @given(secret=secrets, before=texts, after=texts, wide=st.booleans())
    def test_base64_at_any_alignment(self, secret: str, before: str, after: str, wide: bool) -> None:
        """Of the core, which does not depend on the neighbours, nothing is left."""
        encoding = "utf-16-le" if wide else "utf-8"
        raw = secret.encode(encoding)
        assume(len(raw) >= 6)
        lead = before.encode(encoding)
        text = base64.b64encode(lead + raw + after.encode(encoding)).decode()
        first, last = (len(lead) * 8 + 5) // 6, (len(lead) + len(raw)) * 8 // 6
        assert text[first:last] not in knowing(secret).text(text)

    def test_password_in_an_encoded_command(self) -> None:
        for lead in ("", "x", "xy"):
            text = encoded_command(f"{lead}$p='{ASCII_SECRET}'; Connect $p")
            assert MASK in knowing(ASCII_SECRET).text(text)

    def test_basic_authentication(self) -> None:
        header = base64.b64encode(f"admin:{ASCII_SECRET}".encode()).decode()
        assert MASK in knowing(ASCII_SECRET).text(f"Authorization: Basic {header}")


class TestSafety:
    @settings(max_examples=examples(120), deadline=None)
    @given(known=st.lists(secrets, min_size=1, max_size=3), parts=st.lists(texts, max_size=4))
    def test_masking_twice_is_masking_once_and_leaves_no_form(self, known: list[str], parts: list[str]) -> None:
        redactor = knowing(*known)
        text = known[0].join(parts)
        masked = redactor.text(text)
        assert redactor.text(masked) == masked
        assert not any(form in masked for secret in known for form in disguises(secret))
        assert not redactor.finds_in(redactor.raw(text.encode()))

    @pytest.mark.parametrize("secret", ["a***", "****", "**x*", "*****"])
    def test_secret_that_looks_like_the_mask(self, secret: str) -> None:
        redactor = knowing(secret)
        masked = redactor.text(f"a{secret}{secret}*")
        assert secret not in masked
        assert redactor.text(masked) == masked

    @settings(max_examples=examples(120), deadline=None)
    @given(secret=secrets, text=texts)
    def test_text_without_a_secret_is_untouched(self, secret: str, text: str) -> None:
        assume(not any(form in text for form in disguises(secret)))
        redactor = knowing(secret)
        assert redactor.text(text) == text
        assert redactor.value({text: [text, 1, None, True, 2.5]}) == {text: [text, 1, None, True, 2.5]}

    def test_value_masks_keys_and_everything_below(self) -> None:
        value = {f"key {SECRET}": [{"a": (f"x{SECRET}y", 7)}, None], "n": 1}
        assert knowing(SECRET).value(value) == {f"key {MASK}": [{"a": [f"x{MASK}y", 7]}, None], "n": 1}

    @pytest.mark.parametrize("secret", ["", "a", "abc"])
    def test_short_secret_is_refused(self, secret: str) -> None:
        with pytest.raises(ValueError, match="at least 4"):
            Redactor().register(secret)

    def test_journal_line_is_masked_before_it_is_hashed(self, tmp_path: Path) -> None:
        writer = JournalWriter(tmp_path, knowing(SECRET))
        writer.append(Kind.NOTE, "a", "b", {"what": "x", SECRET: {"deep": [SECRET, json.dumps({"p": SECRET})]}})
        raw = writer.path.read_bytes()
        assert not knowing(SECRET).finds_in(raw)
        assert raw.count(MASK.encode()) == 3


class TestFiles:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-16"])
    @pytest.mark.parametrize("secret", [SECRET, ASCII_SECRET])
    @pytest.mark.parametrize("lead", ["", "ä", "line one\r\n"])
    def test_raw_keeps_the_rest_of_the_file_readable(self, encoding: str, secret: str, lead: str) -> None:
        content = f"{lead}{secret} and {secret}\r\nÜbrig".encode(encoding)
        redactor = knowing(secret)
        assert redactor.finds_in(content)
        masked = redactor.raw(content)
        assert masked.decode(encoding) == f"{lead}{MASK} and {MASK}\r\nÜbrig"
        assert not redactor.finds_in(masked)

    def test_bytes_that_are_no_text_stay(self) -> None:
        content = bytes(range(256)) * 4
        assert knowing(ASCII_SECRET).raw(content) == content

    @pytest.mark.parametrize("worn", [ASCII_SECRET, html.escape(ASCII_SECRET), encoded_command(ASCII_SECRET)])
    def test_scan_finds_every_form(self, worn: str) -> None:
        assert knowing(ASCII_SECRET).finds_in(b"\x00\xff" + worn.encode() + b"\xff")

    def test_scan_without_secrets_finds_nothing(self) -> None:
        assert not Redactor().finds_in(ASCII_SECRET.encode())


class TestLogging:
    def logged(self, log: logging.Logger, capture: list[str]) -> logging.Handler:
        class Collect(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                capture.append(self.format(record))

        handler = Collect()
        log.handlers = [*log.handlers, handler]
        log.propagate = False
        log.setLevel(logging.DEBUG)
        return handler

    def test_message_arguments_and_exception_text_are_masked(self) -> None:
        log, lines = logging.Logger("masked"), list[str]()
        self.logged(log, lines).addFilter(knowing(ASCII_SECRET).logging_filter())
        try:
            raise ValueError(f"bad password {ASCII_SECRET}")
        except ValueError:
            log.exception("login as %s with %s failed", "admin", ASCII_SECRET, stack_info=True)
        assert ASCII_SECRET not in lines[0]
        assert f"login as admin with {MASK} failed" in lines[0]
        assert f"ValueError: bad password {MASK}" in lines[0]

    def test_text_that_another_handler_has_formatted_is_masked_too(self) -> None:
        log, plain, masked = logging.Logger("second"), list[str](), list[str]()
        self.logged(log, plain)
        self.logged(log, masked).addFilter(knowing(ASCII_SECRET).logging_filter())
        try:
            raise ValueError(ASCII_SECRET)
        except ValueError:
            log.exception("failed")
        assert ASCII_SECRET in plain[0]
        assert ASCII_SECRET not in masked[0]

    def test_letters_of_a_secret_elsewhere_are_no_secret(self) -> None:
        assert knowing(ASCII_SECRET).text(string.printable) == string.printable
