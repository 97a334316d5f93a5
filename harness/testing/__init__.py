"""Public doubles and contract suites for the ports of the harness."""
