"""Nodes that are machines of their own, and the cluster's brain that they belong to.

A node runs the WinRM service of `harness.twin.wire` and sends heartbeats; what its shells do, and what the cluster is,
lives in the brain.  So a node that loses its power takes its WinRM and its heartbeats with it, and the brain concludes
the rest as a cluster does.  `service` is what runs on the node; it imports nothing but the wire.
"""
