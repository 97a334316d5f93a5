"""Commands about the session and about files without a provider ([D] PSD 5.1)."""

from __future__ import annotations

import pytest

from harness.twin.conformance.running import run_script
from harness.twin.shell.text import to_text

CASES = [
    ("Get-ExecutionPolicy", "RemoteSigned"),
    ("Set-ExecutionPolicy Bypass -Scope Process -Force; Get-ExecutionPolicy", "Bypass"),
    ("(Get-ExecutionPolicy -List | Where-Object Scope -eq LocalMachine).ExecutionPolicy", "RemoteSigned"),
    ("(Get-PSProvider FileSystem).Name", "FileSystem"),
    ("(Get-Host).Name; $Host.UI.RawUI.BufferSize.Width", "120"),
    ("(Get-Verb Resolve).Group", "Diagnostic"),
    ("Add-Type -AssemblyName System.Web; 'there'", "there"),
    ("[IO.File]::WriteAllText('/h', 'abc'); (Get-FileHash /h -Algorithm MD5).Hash", "900150983CD24FB0D6963F7D28E17F72"),
    ("(Get-FileHash -InputStream ([IO.MemoryStream]::new([byte[]]97))).Algorithm", "SHA256"),
    ("[IO.File]::WriteAllText('/d.psd1', '@{ A = 1, 2 }'); (Import-PowerShellDataFile /d.psd1).A[1]", "2"),
    ("[IO.File]::WriteAllText('/p/q.txt', ''); (Resolve-Path /p/*.txt | Split-Path -Leaf)", "q.txt"),
    ("[IO.File]::WriteAllText('/p/q.txt', ''); [IO.Directory]::GetFiles('/p', '*.txt').Count", "1"),
    ("[IO.File]::WriteAllText('/m', 'x'); [IO.File]::Move('/m', '/n'); [IO.File]::Exists('/n')", "True"),
    ("[IO.Path]::GetRandomFileName().Length", "12"),
]


@pytest.mark.parametrize(("script", "wanted"), CASES)
def test_values(script: str, wanted: str) -> None:
    found = run_script(script)
    assert [error.message for error in found.errors] == []
    assert found.terminating is None
    assert to_text(found.output[-1]) == wanted


@pytest.mark.parametrize(
    ("script", "error_id"),
    [
        ("Resolve-Path /no/such", "PathNotFound"),
        ("Add-Type -AssemblyName No.Such.Thing", "ASSEMBLY_NOT_FOUND"),
        ("Add-Type -TypeDefinition 'class X {}'", "TwinLimitation"),
        (
            "[IO.File]::WriteAllText('/e.psd1', 'Get-Date'); Import-PowerShellDataFile /e.psd1",
            "CouldNotParseAsPowerShellDataFile",
        ),
        ("Get-PSProvider Nothing", "ProviderNotFound"),
        ("$Host.UI.PromptForChoice('t', 'm', @(), 0)", "PSInvalidOperationException"),
        ("[IO.Directory]::GetFiles('/no/such')", "DirectoryNotFoundException"),
    ],
)
def test_refusals(script: str, error_id: str) -> None:
    assert [error.error_id for error in run_script(script).errors] == [error_id]
