"""Secret references: what they name, and messages that never show a value."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import SecretError
from harness.labs.models import find_lab
from harness.labs.secrets import check_secrets, resolve


def test_each_kind_of_reference_gives_its_first_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret"
    file.write_text("from-file\nsecond line\n")
    monkeypatch.setenv("HIL_TEST_SECRET", "from-env")
    assert resolve("secret://env/HIL_TEST_SECRET") == "from-env"
    assert resolve(f"secret://file/{file}") == "from-file"
    assert resolve("secret://exec/printf 'from-exec\\nmore'") == "from-exec"


@pytest.mark.parametrize(
    "reference",
    [
        "secret://env/HIL_NOPE",
        "secret://file/no/such/file",
        "secret://exec/false",
        "secret://generated",
        "secret://env/",
    ],
)
def test_what_cannot_be_resolved_is_named(reference: str) -> None:
    with pytest.raises(SecretError) as caught:
        resolve(reference)
    assert reference in str(caught.value)
    assert caught.value.hint


def test_empty_secret_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIL_TEST_SECRET", "")
    with pytest.raises(SecretError, match="empty"):
        resolve("secret://env/HIL_TEST_SECRET")


def test_generated_secrets_need_no_check() -> None:
    check_secrets(find_lab("twin-4node"))
