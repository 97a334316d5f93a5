"""Addresses of guests as their hosts tell them."""

from __future__ import annotations

from harness.azurelocal.guest_addresses import parse_guest_addresses, read_guest_addresses


def test_addresses_by_guest() -> None:
    rows = [{"vm": "web01", "at": ["10.0.0.21", "fe80::1"]}, {"vm": "dc01", "at": ["10.0.0.5"]}]
    assert parse_guest_addresses(rows) == {"web01": ("10.0.0.21", "fe80::1"), "dc01": ("10.0.0.5",)}


def test_adapters_of_one_guest_are_put_together() -> None:
    rows = [{"vm": "web01", "at": ["10.0.0.21"]}, {"vm": "web01", "at": ["10.1.0.21", "10.0.0.21"]}]
    assert parse_guest_addresses(rows) == {"web01": ("10.0.0.21", "10.1.0.21")}


def test_guest_that_tells_no_address_is_there() -> None:
    assert parse_guest_addresses([{"vm": "off", "at": []}, {"vm": "old", "at": None}]) == {"off": (), "old": ()}


def test_forms_in_which_powershell_prints_lists_of_one() -> None:
    assert parse_guest_addresses({"vm": "web01", "at": "10.0.0.21"}) == {"web01": ("10.0.0.21",)}
    assert parse_guest_addresses({"vm": "web01", "at": {"value": ["10.0.0.21"], "Count": 1}}) == {
        "web01": ("10.0.0.21",)
    }


def test_host_without_guests() -> None:
    assert parse_guest_addresses(None) == parse_guest_addresses([]) == {}


def test_asks_for_all_machines_of_the_host_and_may_be_repeated() -> None:
    assert "Get-VMNetworkAdapter -VMName *" in read_guest_addresses().script
    assert read_guest_addresses().repeatable
