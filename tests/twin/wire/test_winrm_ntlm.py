"""Our NTLM and SPNEGO acceptors against pyspnego's client as the peer."""

from __future__ import annotations

import struct

import pytest
import spnego
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.twin.wire.accounts import Directory, hash_md4, hash_password
from harness.twin.wire.ntlm import MalformedTokenError, NtlmAcceptor, NtlmLogon, RejectedError
from harness.twin.wire.spnego import SpnegoAcceptor
from tests.examples import examples

NOW_S = 1_790_000_000.0


def make_directory() -> Directory:
    return Directory({"hil": "pä$$", "AZL\\deployer": "domain", "ops@azl.lab": "upn"}, "NODE1", "azl.lab")


def make_acceptor() -> NtlmAcceptor:
    return NtlmAcceptor(make_directory(), lambda: NOW_S)


def make_client(user: str, password: str, protocol: str = "ntlm") -> spnego.ContextProxy:
    # Without the option, pyspnego would use a system library for either where there is one.
    own = spnego.NegotiateOptions.use_ntlm if protocol == "ntlm" else spnego.NegotiateOptions.use_negotiate
    return spnego.client(user, password, hostname="node1", service="http", protocol=protocol, options=own)


def log_on(user: str, password: str) -> tuple[spnego.ContextProxy, NtlmLogon]:
    client, acceptor = make_client(user, password), make_acceptor()
    challenge = acceptor.challenge(client.step() or b"")
    return client, acceptor.authenticate(client.step(challenge) or b"")


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        (b"", "31d6cfe0d16ae931b73c59d7e0c089c0"),
        (b"abc", "a448017aaf21d8525fc10ae87aa6729d"),
        (b"message digest", "d9130a8164549fe818874806e1c7014b"),
        (b"1234567890" * 8, "e33b4ddc9c38f2199c3e7b164fcc0536"),
    ],
)
def test_md4_gives_the_digests_of_rfc_1320(text: bytes, digest: str) -> None:
    assert hash_md4(text).hex() == digest


def test_nt_hash_of_ms_nlmp_example() -> None:
    # MS-NLMP 4.2.2.1.2: NTOWFv1("Password")
    assert hash_password("Password").hex() == "a4f49c406510bdcab6824ee7c30fd852"


@pytest.mark.parametrize(
    ("user", "password", "account"),
    [
        ("hil", "pä$$", "hil"),
        ("node1\\Hil", "pä$$", "hil"),
        ("AZL\\deployer", "domain", "AZL\\deployer"),
        ("azl.lab\\deployer", "domain", "AZL\\deployer"),
        ("deployer@AZL.LAB", "domain", "AZL\\deployer"),
        ("AZL\\ops", "upn", "AZL\\ops"),
    ],
)
def test_logon_names_the_account(user: str, password: str, account: str) -> None:
    assert log_on(user, password)[1].account.name == account


@pytest.mark.parametrize(
    ("user", "password", "account"),
    [
        ("hil", "Guess-1", "hil"),
        ("AZL\\hil", "pä$$", "AZL\\hil"),
        ("OTHER\\deployer", "domain", "OTHER\\deployer"),
        ("deployer@other.lab", "domain", "deployer@other.lab"),
    ],
)
def test_what_proves_nothing_is_rejected_by_name(user: str, password: str, account: str) -> None:
    with pytest.raises(RejectedError) as caught:
        log_on(user, password)
    assert caught.value.account == account
    assert password not in str(caught.value)


def test_messages_seal_both_ways_in_sequence() -> None:
    client, logon = log_on("hil", "pä$$")
    security = logon.security
    assert security is not None
    for i in range(3):
        message = f"message {i}".encode() * 100
        wrapped = client.wrap(message).data
        assert security.unseal(wrapped[:16], wrapped[16:]) == message
        header, sealed = security.seal(message)
        assert client.unwrap(header + sealed).data == message


def test_a_skipped_message_breaks_the_sequence() -> None:
    client, logon = log_on("hil", "pä$$")
    assert logon.security is not None
    client.wrap(b"lost")
    wrapped = client.wrap(b"arrives").data
    assert logon.security.unseal(wrapped[:16], wrapped[16:]) is None


@pytest.mark.parametrize("position", range(72, 88))
def test_a_changed_mic_is_rejected(position: int) -> None:
    client, acceptor = make_client("hil", "pä$$"), make_acceptor()
    token = bytearray(client.step(acceptor.challenge(client.step() or b"")) or b"")
    token[position] ^= 1
    with pytest.raises(RejectedError, match="MIC"):
        acceptor.authenticate(bytes(token))


def test_a_changed_negotiate_message_is_caught_by_the_mic() -> None:
    client, acceptor = make_client("hil", "pä$$"), make_acceptor()
    token = bytearray(client.step() or b"")
    token[12] ^= 0x02  # the OEM flag, of no use to the acceptor
    with pytest.raises(RejectedError, match="MIC"):
        acceptor.authenticate(client.step(acceptor.challenge(bytes(token))) or b"")


def test_the_mic_cannot_be_left_out_by_clearing_its_flag() -> None:
    client, acceptor = make_client("hil", "pä$$"), make_acceptor()
    token = client.step(acceptor.challenge(client.step() or b"")) or b""
    flag = struct.pack("<HHI", 6, 4, 2)
    assert token.count(flag) == 1
    with pytest.raises(RejectedError, match="wrong password"):
        acceptor.authenticate(token.replace(flag, struct.pack("<HHI", 6, 4, 0)))


def test_an_answer_to_another_challenge_is_rejected() -> None:
    client, acceptor = make_client("hil", "pä$$"), make_acceptor()
    token = client.step(acceptor.challenge(client.step() or b"")) or b""
    other = make_acceptor()
    other.challenge(make_client("hil", "pä$$").step() or b"")
    with pytest.raises(RejectedError):
        other.authenticate(token)
    with pytest.raises(MalformedTokenError):
        make_acceptor().authenticate(token)


@settings(max_examples=examples(200), deadline=None)
@given(data=st.data())
def test_damaged_tokens_never_log_on_and_never_crash(data: st.DataObject) -> None:
    client, acceptor = make_client("hil", "pä$$"), make_acceptor()
    token = client.step(acceptor.challenge(client.step() or b"")) or b""
    # Workstation name and version are covered by the MIC only; every single byte counts.
    position = data.draw(st.integers(0, len(token) - 1))
    damage = data.draw(st.integers(1, 255))
    cut = data.draw(st.booleans())
    damaged = token[:position] if cut else token[:position] + bytes([token[position] ^ damage]) + token[position + 1 :]
    with pytest.raises((RejectedError, MalformedTokenError)):
        acceptor.authenticate(damaged)


@settings(max_examples=examples(200), deadline=None)
@given(st.binary(max_size=200))
def test_garbage_is_malformed(garbage: bytes) -> None:
    for token in (garbage, b"NTLMSSP\x00\x01\x00\x00\x00" + garbage, b"NTLMSSP\x00\x03\x00\x00\x00" + garbage):
        acceptor = make_acceptor()
        with pytest.raises((MalformedTokenError, RejectedError)):
            acceptor.authenticate(token)
    for prefix in (b"", b"\x60", b"\xa1", bytes.fromhex("601006062b0601050502a0063004a0023000")):
        with pytest.raises((MalformedTokenError, RejectedError)):
            SpnegoAcceptor(make_acceptor()).step(prefix + garbage)


def test_spnego_handshake_with_mech_list_mic_then_sealing() -> None:
    client, acceptor = make_client("AZL\\deployer", "domain", "negotiate"), SpnegoAcceptor(make_acceptor())
    token, logon = client.step(), None
    steps = 0
    while logon is None:
        reply, logon = acceptor.step(token or b"")
        token = client.step(reply)
        steps += 1
    assert (steps, client.complete, token) == (2, True, None)
    assert logon.account.name == "AZL\\deployer"
    assert logon.security is not None
    for i in range(2):
        wrapped = client.wrap(b"to server %d" % i).data
        assert logon.security.unseal(wrapped[:16], wrapped[16:]) == b"to server %d" % i
        assert client.unwrap(b"".join(logon.security.seal(b"to client"))).data == b"to client"


def test_spnego_with_a_changed_mech_list_mic_is_rejected() -> None:
    client, acceptor = make_client("hil", "pä$$", "negotiate"), SpnegoAcceptor(make_acceptor())
    reply, _ = acceptor.step(client.step() or b"")
    token = bytearray(client.step(reply) or b"")
    token[-1] ^= 1
    with pytest.raises(RejectedError, match="mechListMIC"):
        acceptor.step(bytes(token))


def test_spnego_client_that_prefers_another_mechanism_is_moved_to_ntlm() -> None:
    ntlm = make_client("hil", "pä$$")
    kerberos_first = bytes.fromhex("06092a864886f712010202") + bytes.fromhex("060a2b06010401823702020a")
    mech_types = bytes([0xA0, len(kerberos_first) + 2, 0x30, len(kerberos_first)]) + kerberos_first
    optimistic = bytes.fromhex("a20404026000")
    sequence = bytes([0x30, len(mech_types) + len(optimistic)]) + mech_types + optimistic
    body = bytes.fromhex("06062b0601050502") + bytes([0xA0, len(sequence)]) + sequence
    acceptor = SpnegoAcceptor(make_acceptor())
    reply, logon = acceptor.step(bytes([0x60, len(body)]) + body)
    assert logon is None
    # negState request-mic, supportedMech NTLM, no mechanism token
    assert reply.hex() == "a1153013a0030a0103a10c060a2b06010401823702020a"
    assert ntlm.step() is not None
