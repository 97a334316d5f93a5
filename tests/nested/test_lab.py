"""A nested lab through its control channel: what is done to its machines shows on the wire and in the cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest

from harness.clock import NS_PER_S, DeadlineExpiredError, monotonic_ns, pause, wait_until
from harness.errors import LabError
from harness.labs.instance import HostedInstance
from harness.labs.models import FIRST_GUEST, find_lab
from harness.labs.nested.image import why_not_buildable
from harness.labs.nested.image.build import image_ready
from harness.labs.port import BaselineSpec, Hold, PowerState
from harness.labs.remote import RemoteLab
from harness.measure.ledger import build_ledger
from harness.measure.ownership import Ownership
from harness.measure.windows import joined
from harness.run.sessions import to_winrm
from harness.transports.trouble import EndpointError
from harness.transports.winrm import WinRmShell
from harness.values import SampleWindow
from tests.nested.labs import LAB, Place
from tests.nested.witness import Witness

pytestmark = [pytest.mark.nested, pytest.mark.xdist_group("lab"), pytest.mark.timeout(600)]

WRITTEN_WITHIN_S = 60
DARK_S = 3.0
"""Shorter than the ten heartbeats after which a cluster misses a node."""


@dataclass
class Nested:
    """A hosted lab, and what its nodes say of it."""

    hosted: HostedInstance

    @property
    def lab(self) -> RemoteLab:
        return self.hosted.lab

    def at_baseline(self) -> None:
        reached = self.lab.baseline(BaselineSpec(self.hosted.versions, 1), self.hosted.lease)
        assert reached.ready, reached.reason

    def run(self, node: str, script: str) -> str:
        shell = WinRmShell(to_winrm(self.lab.endpoint(node, "winrm")))
        try:
            return shell.run(script, repeatable=False).stdout.strip()
        finally:
            shell.close()

    def until_cluster_says(self, by: str, wanted: str, within_s: float) -> None:
        script = "(Get-ClusterNode | ForEach-Object { \"$($_.Name) $($_.State)\" }) -join ', '"
        wait_until(
            lambda: True if self.run(by, script) == wanted else None,
            within_s=within_s,
            what=f"{by} to say '{wanted}'",
            poll_s=0.5,
        )

    def owner(self, guest: str) -> str:
        return self.run("NODE01", f"(Get-ClusterGroup -Name {guest}).OwnerNode.Name")

    def samples(self, to_ns: int) -> SampleWindow:
        """All samples from lab time zero to a moment, once they are written."""
        windows: list[SampleWindow] = []

        def written() -> bool | None:
            window = self.lab.samples(windows[-1].to_ns if windows else 0)
            if window.to_ns > window.from_ns:
                windows.append(window)
            return True if windows and windows[-1].to_ns >= to_ns else None

        wait_until(written, within_s=WRITTEN_WITHIN_S, what="the samples to be written", poll_s=0.5)
        return joined(windows, 0)


@pytest.fixture(scope="module")
def nested(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nested]:
    if image_ready() is None and (missing := why_not_buildable()):
        pytest.skip(missing)
    place = Place(tmp_path_factory.mktemp("lab"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in place.environ.items():
            patch.setenv(name, value)
        file = find_lab(LAB)
        hosted = HostedInstance(file, file.instance_names[:1], 1, purpose="test")
        try:
            yield Nested(hosted)
        finally:
            left = hosted.release()
    assert left == []
    assert place.left() == []


def test_an_outage_by_a_pulled_cable_is_as_long_as_it_was(nested: Nested) -> None:
    """The cable goes out between two known moments.  When it is in again, an emulated machine takes its time until it
    answers: a second prober tells between which moments that was.  Each edge of the ledger may be off by what it says
    of itself."""
    lab, lease = nested.lab, nested.hosted.lease
    guest = lab.guests[0]
    node = nested.owner(guest)
    reached = lab.endpoint(node, "winrm")
    with Witness(reached.namespace, guest_address(reached.address, lab.guests.index(guest))) as witness:
        pause(2)
        before_ns = lab.clock.now_ns()
        lab.plant("cables-out", node, {"network": "mgmt"}, lease)
        out_ns = lab.clock.now_ns()
        pause(DARK_S)
        in_ns = lab.clock.now_ns()
        zero_ns = monotonic_ns() - lab.clock.now_ns()
        lab.lift("cables-out", node, lease)
        pause(5)
    silent_ns, answered_ns = (at_ns - zero_ns for at_ns in witness.back_after(zero_ns + out_ns))
    window = nested.samples(lab.clock.now_ns() - NS_PER_S)
    ledger = build_ledger((window,), Ownership.of([(guest, 0, node)]), expected=[guest], classes={guest: "all"})
    (vm,) = (each for each in ledger.vms if each.vm == guest)
    (gap,) = (each for each in vm.gaps if each.end_ns > out_ns and each.start_ns < in_ns)
    assert before_ns - gap.start_err_ns <= gap.start_ns <= out_ns + gap.start_err_ns, "begin"
    assert in_ns - gap.end_err_ns <= gap.end_ns, "the cable was out until then"
    assert silent_ns - gap.end_err_ns <= gap.end_ns <= answered_ns + gap.end_err_ns, "end"


def guest_address(node_address: str, place: int) -> str:
    """Where a guest of the shipped lab answers."""
    return f"{node_address.rpartition('.')[0]}.{FIRST_GUEST + place}"


def test_the_owner_of_an_event_stands_still_until_it_is_let_go(nested: Nested) -> None:
    lab, lease = nested.lab, nested.hosted.lease
    lab.hold(Hold("test", "node.paused", "*"), lease)
    nested.run("NODE01", "Suspend-ClusterNode -Name NODE02 | Out-Null")
    lag_ns = wait_until(lambda: lab.held_ns("test"), within_s=30, what="the hold")
    assert 0 < lag_ns < 30 * NS_PER_S
    with pytest.raises(DeadlineExpiredError):
        wait_until(lambda: _answer(nested, "NODE02"), within_s=3, what="an answer of a node that stands still")
    lab.unhold("test", lease)
    assert wait_until(lambda: _answer(nested, "NODE02"), within_s=60, what="NODE02 to go on") == "NODE02"
    nested.run("NODE01", "Resume-ClusterNode -Name NODE02 | Out-Null")


def _answer(nested: Nested, node: str) -> str | None:
    shell = WinRmShell(to_winrm(nested.lab.endpoint(node, "winrm")))
    try:
        with suppress(EndpointError):
            return shell.run("$env:COMPUTERNAME", within_s=2).stdout.strip()
    finally:
        shell.close()
    return None


def test_a_machine_without_power_is_down_for_its_cluster_and_comes_back_at_the_next_baseline(nested: Nested) -> None:
    nested.at_baseline()
    lab, lease = nested.lab, nested.hosted.lease
    lab.power_off("NODE02", lease)
    assert lab.power_state("NODE02") is PowerState.OFF
    nested.until_cluster_says("NODE01", "NODE01 Up, NODE02 Down", within_s=60)
    nested.at_baseline()
    assert lab.power_state("NODE02") is PowerState.ON
    nested.until_cluster_says("NODE02", "NODE01 Up, NODE02 Up", within_s=30)


def test_what_a_nested_lab_cannot_do_is_refused(nested: Nested) -> None:
    lab, lease = nested.lab, nested.hosted.lease
    with pytest.raises(LabError, match="no endpoint of kind"):
        lab.endpoint(lab.guests[0], "winrm")
    with pytest.raises(LabError, match="node 'NODE09' was named"):
        lab.plant("cables-out", "NODE09", {}, lease)
    with pytest.raises(LabError, match="no-such-cause"):
        lab.plant("no-such-cause", "NODE01", {}, lease)


def test_consoles_are_kept(nested: Nested) -> None:
    assert {node: f"NODE-UP {node}" in text for node, text in nested.lab.consoles().items()} == {
        "NODE01": True,
        "NODE02": True,
    }
