"""The twin's WinRM endpoint: WS-Management and WinRS over HTTP, with NTLM and message sealing.

Unmodified clients (pywinrm, pypsrp) talk to it. Start reading at `port` (what its owner implements), then `server`
and `endpoint` (how it is driven); `winrs` holds the shell semantics, the other modules one protocol layer each.
"""
