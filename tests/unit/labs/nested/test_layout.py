"""Where everything of an emulated lab is, from its file alone."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

from harness.labs.models import LabFile
from harness.labs.nested.image import NodeImage
from harness.labs.nested.layout import MANAGEMENT, STORAGE, lay_out, machines_of
from harness.labs.nested.spec import KernelBoot, MachinesSpec
from harness.paths import labs_dir
from harness.plan.yaml_source import load_source

IMAGE = NodeImage("d" * 64, Path("/i/kernel"), Path("/i/initrd"), Path("/i/disk.qcow2"), 1)


def lab(nested: dict[str, Any] | None = None, **changes: Any) -> LabFile:
    plain = dict(load_source(labs_dir() / "nested-2node.yaml").value)
    return LabFile.model_validate({**plain, **changes, "nested": {**plain["nested"], **(nested or {})}})


def machines(file: LabFile, instance: str, token: str = "token") -> MachinesSpec:  # noqa: S107 - of no account
    assert file.nested is not None
    return machines_of(instance, file.nested, lay_out(file, file.nested), IMAGE, namespace="ns", token=token)


def test_nobody_shares_an_address_and_all_lie_in_their_network() -> None:
    file = lab(guests=60, nodes=16)
    assert file.nested is not None
    layout = lay_out(file, file.nested)
    management = [layout.brain[0], *layout.nodes.values(), *layout.guests.values()]
    assert len(set(management)) == 1 + 16 + 60
    assert all(IPv4Address(each) in IPv4Network(file.nested.management) for each in management)
    assert len(set(layout.storage.values())) == 16
    assert all(IPv4Address(each) in IPv4Network(file.nested.storage) for each in layout.storage.values())


def test_each_machine_is_told_who_it_is_and_whom_to_ask() -> None:
    file = lab()
    spec = machines(file, "nested-2node#1", token="secret-word")
    for node, own in (("NODE01", "10.77.0.11/24"), ("NODE02", "10.77.0.12/24")):
        boot = spec.machine(node).boot
        assert isinstance(boot, KernelBoot)
        words = boot.arguments.split()
        assert f"hil.name={node}" in words
        assert f"hil.net={spec.mac(node, MANAGEMENT)},{own}" in words
        assert f"hil.net={spec.mac(node, STORAGE)},{own.replace('10.77.0', '10.77.1')}" in words
        assert {"hil.brain=10.77.0.1:8600", "hil.token=secret-word"} <= {*words}
        assert spec.machine(node).base == IMAGE.disk


def test_instances_have_nothing_in_common_that_the_machine_has_once() -> None:
    first, second = (machines(lab(), f"nested-2node#{number}") for number in (1, 2))
    for node in ("NODE01", "NODE02"):
        assert first.domain(node) != second.domain(node)
        assert first.uuid(node) != second.uuid(node)
        assert first.tap(node, MANAGEMENT) != second.tap(node, MANAGEMENT)


def test_machines_are_as_the_lab_file_says() -> None:
    spec = machines(lab({"memory_mib": 512, "processors": 2, "domain_type": "kvm"}), "nested-2node#1")
    assert {(each.memory_mib, each.vcpus, each.domain_type) for each in spec.machines} == {(512, 2, "kvm")}
