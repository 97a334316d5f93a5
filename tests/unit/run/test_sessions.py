"""Sessions to nodes and guests: nodes share an account and the care for it, each guest has its own."""

from __future__ import annotations

from typing import Any

from harness.journal import Redactor
from harness.labs.port import Endpoint
from harness.run.sessions import NodeSession, session_opener
from harness.testing.lab import ScriptedLab


class Lab(ScriptedLab):
    """A lab whose guests have administrators of their own."""

    def endpoint(self, name: str, kind: str) -> Endpoint:
        account, secret = (
            ("HIL\\deploy", "of the nodes") if name.startswith("NODE") else (f"{name}\\admin", f"of {name}")
        )
        return Endpoint(name, kind, "127.0.0.1", 1, account, f"secret {secret}")


def watch_of(session: Any) -> Any:
    assert isinstance(session, NodeSession)
    return session._plain.connection._watch


def test_a_guest_that_refuses_its_account_speaks_for_itself_alone() -> None:
    lab, redactor = Lab(nodes=2, guests=2), Redactor()
    opened = session_opener(lab, redactor, None, ("vm01", "vm02"))
    watches = {name: watch_of(opened(name)) for name in ("NODE01", "NODE02", "vm01", "vm02")}
    assert watches["NODE01"] is watches["NODE02"]
    assert len({id(watch) for watch in watches.values()}) == 3
    assert watches["vm02"].account == "vm02\\admin"
    assert redactor.finds_in(b"a line with secret of vm02 in it")


def test_without_guests_none_is_asked_for() -> None:
    lab = Lab(nodes=1, guests=1)
    redactor = Redactor()
    session_opener(lab, redactor, None)
    assert not redactor.finds_in(b"secret of vm01")
