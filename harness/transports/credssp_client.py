"""CredSSP on the client side: requests-credssp, with its failures told apart.

The library raises the same exception when a node does not offer the scheme, when it refuses the log-on and when it
answers with anything else in between.  Only the second is about the credential.
"""

from __future__ import annotations

import re

import requests
from requests_credssp.credssp import HttpCredSSPAuth
from requests_credssp.exceptions import AuthenticationException, NTStatusException
from winrm.exceptions import InvalidCredentialsError, WinRMTransportError

from harness.transports.trouble import NotOfferedError

__all__ = ["AuthenticationException", "CredSspAuth", "NTStatusException", "read_status"]


class CredSspAuth(HttpCredSSPAuth):  # type: ignore[misc]
    """Logs on by NTLM inside CredSSP, never by Kerberos: looking for a realm in DNS costs seconds."""

    def __init__(self, username: str, password: str) -> None:
        super().__init__(username, password, auth_mechanism="ntlm")

    def _check_credssp_supported(self, response: requests.Response) -> None:
        if "credssp" not in response.headers.get("www-authenticate", "").lower():
            raise NotOfferedError("the node does not offer CredSSP")

    def _get_credssp_token(self, response: requests.Response, pattern: re.Pattern[str], step_name: str) -> bytes:
        if response.status_code != requests.codes.unauthorized:
            raise WinRMTransportError("http", response.status_code, "")
        if pattern.search(response.headers.get("www-authenticate", "")) is None:
            raise InvalidCredentialsError("the log-on was refused")
        token: bytes = HttpCredSSPAuth._get_credssp_token(response, pattern, step_name)
        return token


def read_status(error: Exception) -> int | None:
    """The NTSTATUS with which a node refused a log-on, or None where the log-on went wrong in another way.

    The library tells apart the few statuses that it knows; the others, an account that is locked among them, are only
    in the cause of the cause.
    """
    if isinstance(error, NTStatusException):
        return int(error.status)
    status = getattr(getattr(error.__cause__, "base_error", None), "winerror", None)
    return status & 0xFFFFFFFF if isinstance(status, int) else None
