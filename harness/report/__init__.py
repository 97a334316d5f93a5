"""Pages that an engineer reads after a run: pure functions of journal and results, and a few small writers."""
