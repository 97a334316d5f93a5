"""The accounts a node's endpoint knows, and who a client means by the name it sends."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass


def hash_md4(data: bytes) -> bytes:
    """MD4 (RFC 1320). OpenSSL 3 no longer offers it, and the NT hash of a password needs it."""
    message = data + b"\x80" + b"\x00" * ((55 - len(data)) % 64) + struct.pack("<Q", len(data) * 8)
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476]
    for offset in range(0, len(message), 64):
        state = _mix_block(state, struct.unpack_from("<16I", message, offset))
    return struct.pack("<4I", *state)


_ORDERS = (
    tuple(range(16)),
    (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15),
    (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15),
)
_SHIFTS = ((3, 7, 11, 19), (3, 5, 9, 13), (3, 9, 11, 15))
_CONSTANTS = (0, 0x5A827999, 0x6ED9EBA1)


def _mix_block(state: list[int], words: tuple[int, ...]) -> list[int]:
    a, b, c, d = state
    for turn in range(3):
        for step, index in enumerate(_ORDERS[turn]):
            if turn == 0:
                mixed = (b & c) | (~b & d)
            elif turn == 1:
                mixed = (b & c) | (b & d) | (c & d)
            else:
                mixed = b ^ c ^ d
            total = (a + mixed + words[index] + _CONSTANTS[turn]) & 0xFFFFFFFF
            shift = _SHIFTS[turn][step % 4]
            rotated = ((total << shift) | (total >> (32 - shift))) & 0xFFFFFFFF
            a, b, c, d = d, rotated, b, c
    return [(old + new) & 0xFFFFFFFF for old, new in zip(state, (a, b, c, d), strict=True)]


def hash_password(password: str) -> bytes:
    """The NT hash of a password ([D] MS-NLMP NTOWFv1): MD4 of its UTF-16LE text."""
    return hash_md4(password.encode("utf-16-le"))


@dataclass(frozen=True, slots=True)
class Account:
    """An account: `name` as `DOMAIN\\user` or, of the machine itself, `user`. Holds the NT hash, not the password."""

    name: str
    nt_hash: bytes

    @property
    def is_local(self) -> bool:
        """Whether the machine itself keeps the account (usable before any domain controller is reached)."""
        return "\\" not in self.name

    def __repr__(self) -> str:
        return f"Account({self.name!r})"


class Directory:
    """Finds the account behind the names a client may send ([D] MS-NLMP 3.3.2 for what is hashed).

    `accounts` maps names to passwords. `DOMAIN\\user` and `user@dns.domain` are accounts of the node's domain, a bare
    `user` is an account of the machine. `domain` is the domain's DNS name (`azl.lab`, NetBIOS name then its first
    label) or its NetBIOS name; empty for a machine in a workgroup.
    """

    def __init__(self, accounts: Mapping[str, str], computer_name: str, domain: str) -> None:
        self.computer_name = computer_name.upper()
        self.dns_domain = domain.lower()
        self.netbios_domain = (domain.split(".")[0] or computer_name).upper()[:15]
        self._local: dict[str, Account] = {}
        self._domain: dict[str, Account] = {}
        for key, password in accounts.items():
            self._add(key, password)

    def _add(self, key: str, password: str) -> None:
        user = key
        if "\\" in key:
            domain, user = key.split("\\", 1)
        elif "@" in key:
            user, domain = key.split("@", 1)
        else:
            self._local[user.lower()] = Account(user, hash_password(password))
            return
        if not self._is_domain(domain):
            raise ValueError(
                f"account '{key}' of node '{self.computer_name}' names domain '{domain}', but the node is in "
                f"'{self.dns_domain or 'a workgroup'}': use that domain, or a bare name for an account of the machine"
            )
        self._domain[user.lower()] = Account(f"{self.netbios_domain}\\{user}", hash_password(password))

    def _is_domain(self, text: str) -> bool:
        return bool(self.dns_domain) and text.lower() in (self.dns_domain, self.netbios_domain.lower())

    def find(self, domain: str, user: str) -> Account | None:
        """Return the account a client means, or None. `domain` is empty for bare names and user principal names."""
        if not domain and "@" in user:
            name, suffix = user.rsplit("@", 1)
            return self._domain.get(name.lower()) if self._is_domain(suffix) else None
        if domain in ("", "."):
            return self._local.get(user.lower()) or self._domain.get(user.lower())
        if domain.upper() == self.computer_name:
            return self._local.get(user.lower())
        return self._domain.get(user.lower()) if self._is_domain(domain) else None

    def resolve(self, name: str) -> str:
        """Return the canonical spelling of an account name given as `DOMAIN\\user`, `user@domain` or `user`.

        Raises KeyError when there is no such account.
        """
        domain, user = name.split("\\", 1) if "\\" in name else ("", name)
        account = self.find(domain, user)
        if account is None:
            raise KeyError(f"node '{self.computer_name}' has no account '{name}'")
        return account.name
