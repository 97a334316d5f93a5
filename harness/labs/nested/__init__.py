"""Nested labs: virtual machines under libvirt and QEMU that play the nodes of a cluster."""
