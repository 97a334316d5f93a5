"""The list of updates: which rows a cluster shows, and how a discovery changes it.

A vendor's extension adds a row of its own, keeps solution updates from starting whose extension is not there yet, and
hides them when the imported one is not what they need ([T] TSG Update/Update-missing-after-importing-SBE).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from harness.twin.model.catalog import Catalogs, version_key
from harness.twin.model.content import Environment, UpdateRow
from harness.twin.model.lifecycle import ACTIVE, TRANSITIONS
from harness.twin.model.listing import idle_state, make_rows
from harness.twin.model.sbe.extension import SBE, Extension, Offer
from harness.twin.model.states import UpdateState

_IDLE = (UpdateState.Ready, UpdateState.HasPrerequisite, UpdateState.AdditionalContentRequired)
"""States of rows which nobody has started."""
Announce = Callable[[str, UpdateRow], None]


class UpdateList:
    """Rows of ``Get-SolutionUpdate``, newest first; the vendor's come before those of the solution [T]."""

    def __init__(
        self,
        catalogs: Catalogs,
        environment: Environment,
        epoch: datetime,
        extension: Extension | None,
        *,
        recalled: bool,
    ) -> None:
        self._environment = environment
        self._extension = extension
        self._solutions = make_rows(catalogs, environment.current_version, epoch, recalled=recalled)
        self._extensions: list[UpdateRow] = []
        self.rows: list[UpdateRow] = list(self._solutions)
        if extension is not None:
            for row in self._solutions:
                if row.state is UpdateState.Ready:
                    row.state = self.state_of(row)
            self.refresh(lambda _kind, _row: None)

    def state_of(self, row: UpdateRow) -> UpdateState:
        """State of a solution row that has never been started."""
        state = idle_state(row, self._environment.current_version)
        return UpdateState.AdditionalContentRequired if state is UpdateState.Ready and self.lacks(row) else state

    def needs_extension(self, row: UpdateRow) -> bool:
        """Whether a solution update brings an extension that is newer than the installed one."""
        if self._extension is None or row.package_type == SBE:
            return False
        return version_key(row.sbe_version) > version_key(self._environment.current_sbe_version)

    def lacks(self, row: UpdateRow) -> bool:
        """Whether the content of that extension has not been imported."""
        extension = self._extension
        return extension is not None and self.needs_extension(row) and not extension.has_content(row.sbe_version)

    def refresh(self, announce: Announce) -> list[tuple[UpdateRow, UpdateState]]:
        """List what discovery finds; *announce* hears ``listed`` and ``unlisted``.

        Returns the changes of state of rows that stay.  Nothing happens while an update is at work.
        """
        extension = self._extension
        if extension is None or any(row.state in ACTIVE for row in self.rows):
            return []
        offer = extension.discover(self._environment)
        before = {id(row): row for row in self.rows}
        self._extensions = [*self._offered(extension, offer), *self._kept(offer)]
        shown = [row for row in self._solutions if offer.solutions or row.state is UpdateState.Installed]
        self.rows[:] = [*self._extensions, *shown]
        after = {id(row) for row in self.rows}
        for row in self.rows:
            if id(row) not in before:
                announce("listed", row)
        for key, row in before.items():
            if key not in after:
                announce("unlisted", row)
        return list(self._changes(offer))

    def _offered(self, extension: Extension, offer: Offer) -> Iterator[UpdateRow]:
        for entry, state in offer.extensions:
            row = next((item for item in self._extensions if item.version == entry.version), None)
            row = extension.make_row(entry, state) if row is None else row
            extension.note_content(row)
            yield row

    def _kept(self, offer: Offer) -> Iterator[UpdateRow]:
        """Extensions that are installed, or were begun and have failed, stay listed."""
        offered = {entry.version for entry, _ in offer.extensions}
        for row in self._extensions:
            if row.version not in offered and row.state not in _IDLE:
                yield row

    def _changes(self, offer: Offer) -> Iterator[tuple[UpdateRow, UpdateState]]:
        wanted = {entry.version: state for entry, state in offer.extensions}
        for row in self.rows:
            state = wanted.get(row.version) if row.package_type == SBE else self.state_of(row)
            if state is not None and row.state in _IDLE and state in TRANSITIONS[row.state]:
                yield row, state
