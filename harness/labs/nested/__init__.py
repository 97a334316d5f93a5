"""Nested labs: virtual machines under libvirt that play the nodes of a cluster."""
