"""The one error which model operations raise."""

from __future__ import annotations


class ModelError(Exception):
    """An operation which the product would refuse.

    ``id`` is the error identifier a cmdlet puts into ``FullyQualifiedErrorId`` (or the Win32 name, where that is what
    the sources give); ``message`` is the product's text where one is published, else plain words naming subject,
    state and expectation.  Show both to the caller; the model has not changed.
    """

    def __init__(self, error_id: str, message: str) -> None:
        super().__init__(error_id, message)
        self.id = error_id
        self.message = message

    def __str__(self) -> str:
        return f"{self.id}: {self.message}"
