"""Putting heartbeat agents into guests, looking at them, taking them away again.

Install and remove may be sent again at any time.  What an install changes is told beforehand as a record, from which
`undo` of `windows` or `linux` works in another process.
"""

from harness.probes.agents.settings import AgentLook, AgentSettings, agent_text, undo_record

__all__ = ["AgentLook", "AgentSettings", "agent_text", "undo_record"]
