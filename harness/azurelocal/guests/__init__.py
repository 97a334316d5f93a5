"""Windows in guests as Python objects: what to ask of a guest, how it installs an update, what its answers mean.

A guest is asked over its own WinRM endpoint.  Where a fact comes from stands beside it: [D] documentation, [C] source
code, [P] public observation, [GK] general platform knowledge, [INF] inferred.
"""
