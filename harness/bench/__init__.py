"""Benchmarks: how fast the harness is, with the same work done by a peer in the same run.

``figures`` is what a benchmark comes to; each other module measures one part and gives its figures.  Nothing here is a
test: a figure depends on the machine and on what else it does, which the peer's value shows.
"""
