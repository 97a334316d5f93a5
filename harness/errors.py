"""One error tree for the whole harness.

Every message answers five questions: what happened, on which subject, in which state, what was expected, and what to do
next.  The last answer is the `hint`; the command line prints it on a line of its own.  `code` names the member of
`harness.exits.Exit` with which a process ends that could not handle the error.
"""

from __future__ import annotations

from typing import ClassVar


class HarnessError(Exception):
    """Root of all errors that the harness raises on purpose.

    Catch this one at the edge (command line, run process) to print `str(error)` and `error.hint`; let everything else
    propagate: it is a defect of the harness, and the run becomes `harness`.
    """

    code: ClassVar[str] = "HARNESS"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ConfigError(HarnessError):
    """A plan, lab file, option or environment variable is wrong.  Nothing was touched: correct it and start again."""

    code = "USAGE"


class NothingSelectedError(HarnessError):
    """The selection (plan, `-k`) names no scenario.  Run `hil plan list` to see what there is."""

    code = "NOTHING_SELECTED"


class LabError(HarnessError):
    """The lab cannot do its part: unreachable, lost, not at the baseline.  The product is not to blame; see the
    hint."""

    code = "LAB"


class LeaseError(HarnessError):
    """Somebody else holds the lab instance, or our own lease was lost.  Stop touching the lab at once."""

    code = "LEASE"


class TransportError(HarnessError):
    """A message did not get through to an endpoint.  Never infer a product failure from it: ask another node."""

    code = "LAB"


class CredentialRejectedError(TransportError):
    """The endpoint refused the credential.  Its use stops everywhere, since every further try may lock the account."""


class ProductError(HarnessError):
    """The product answered, and the answer is an error.  The text is the product's own."""

    code = "PRODUCT"


class FaultError(HarnessError):
    """A fault could not be injected, confirmed or reverted as specified: the run is invalid, the product not judged."""

    code = "HARNESS"


class JournalError(HarnessError):
    """The journal cannot be written or is broken.  No journal line, no effect: the run stops."""

    code = "HARNESS"


class SecretError(ConfigError):
    """A secret reference cannot be resolved.  The message names the reference, never a value."""
