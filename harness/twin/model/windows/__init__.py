"""Windows in managed guests: what is installed, what is offered, and what an installation or a restart does.

``plant.Windows`` has one ``state.GuestOs`` for each managed guest of a model.  A guest without one is an address and a
heartbeat, nothing more.
"""
