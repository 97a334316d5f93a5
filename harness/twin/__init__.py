"""The simulated cluster: a model, a PowerShell 5.1 shell over it, and servers for the real protocols.

Nothing in this package imports the rest of ``harness``; the harness reaches it through ``harness/labs/twin.py`` only.
"""
