"""``icacls.exe`` of a guest ([D] Windows commands icacls; texts [GK]).

Files of a guest have no access lists: what is granted is accepted and has no effect, since all that runs there is an
administrator or SYSTEM.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, Any, Final

from harness.twin.shell.host import Writer

_NOT_FOUND: Final = 2
"""ERROR_FILE_NOT_FOUND."""
_BAD_PARAMETER: Final = 87
"""ERROR_INVALID_PARAMETER."""
_VALUED: Final = ("/grant", "/deny", "/remove", "/setowner")
_PLAIN: Final = ("/inheritance", "/reset", "/t", "/c", "/l", "/q")


def icacls(host: Any, words: Sequence[str], stdin: IO[bytes], stdout: Writer, stderr: Writer) -> int:
    """Changes to the access list of one file or folder; showing one is not simulated."""
    del stdin
    path, options = (words[1], words[2:]) if len(words) > 1 else ("", ())
    names = [word.lower().partition(":")[0] for word in options if word.startswith("/")]
    if not names:
        stderr(b"twin limitation: showing an access list is not simulated\r\n")
        return 1
    unknown = next((name for name in names if name not in (*_VALUED, *_PLAIN)), "")
    if unknown:
        stderr(f'Invalid parameter "{unknown}"\r\n'.encode())
        return _BAD_PARAMETER
    found = bool(host.files.exists(path))
    if not found:
        stderr(f"{path}: The system cannot find the file specified.\r\n".encode())
    elif "/q" not in names:
        stdout(f"processed file: {path}\r\n".encode())
    stdout(f"Successfully processed {int(found)} files; Failed processing {int(not found)} files\r\n".encode())
    return 0 if found else _NOT_FOUND
