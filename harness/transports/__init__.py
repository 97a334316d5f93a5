"""How the harness talks to machines: WinRM with PowerShell text, JSON replies, typed trouble, optional transcripts.

`winrm` runs a script on one node and returns its `Reply`; `powershell` writes scripts and reads replies; `trouble`
names what can go wrong on the way; `recorder` keeps transcripts.  Nothing here knows Azure Local.
"""
