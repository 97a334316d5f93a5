"""Enums of .NET that scripts name ([D] .NET reference): labels, numbers and the width of the numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from harness.twin.shell.objects import Byte, EnumType, Int64
from harness.twin.shell.typesystem import ENUMS, register_enum


def _counted(words: str, start: int = 0) -> Mapping[str, int]:
    return {word: at for at, word in enumerate(words.split(), start)}


def _valued(pairs: str) -> Mapping[str, int]:
    return {name: int(number, 0) for name, number in (pair.split("=") for pair in pairs.split())}


_PLAIN: Final[dict[str, Mapping[str, int]]] = {
    "System.UriKind": _counted("RelativeOrAbsolute Absolute Relative"),
    "System.UriHostNameType": _counted("Unknown Basic Dns IPv4 IPv6"),
    "System.PlatformID": _valued("Win32S=0 Win32Windows=1 Win32NT=2 WinCE=3 Unix=4 Xbox=5 MacOSX=6"),
    "System.TypeCode": _valued(
        "Empty=0 Object=1 DBNull=2 Boolean=3 Char=4 SByte=5 Byte=6 Int16=7 UInt16=8 Int32=9 UInt32=10 Int64=11 "
        "UInt64=12 Single=13 Double=14 Decimal=15 DateTime=16 String=18"
    ),
    "System.IO.FileMode": _counted("CreateNew Create Open OpenOrCreate Truncate Append", 1),
    "System.IO.SearchOption": _counted("TopDirectoryOnly AllDirectories"),
    "System.IO.SeekOrigin": _counted("Begin Current End"),
    "System.IO.DriveType": _counted("Unknown NoRootDirectory Removable Fixed Network CDRom Ram"),
    "System.Security.AccessControl.AccessControlType": _counted("Allow Deny"),
    "System.Threading.ThreadPriority": _counted("Lowest BelowNormal Normal AboveNormal Highest"),
    "System.Threading.ApartmentState": _counted("STA MTA Unknown"),
    "System.Diagnostics.ProcessPriorityClass": _valued(
        "Normal=32 Idle=64 High=128 RealTime=256 BelowNormal=16384 AboveNormal=32768"
    ),
    "System.Diagnostics.EventLogEntryType": _valued("Error=1 Warning=2 Information=4 SuccessAudit=8 FailureAudit=16"),
    "System.ServiceProcess.ServiceControllerStatus": _counted(
        "Stopped StartPending StopPending Running ContinuePending PausePending Paused", 1
    ),
    "System.ServiceProcess.ServiceStartMode": _counted("Boot System Automatic Manual Disabled"),
    "System.Globalization.CultureTypes": _valued("NeutralCultures=1 SpecificCultures=2 AllCultures=7"),
    "System.Text.NormalizationForm": _valued("FormC=1 FormD=2 FormKC=5 FormKD=6"),
    "System.Management.Automation.ConfirmImpact": _counted("None Low Medium High"),
    "System.Management.Automation.CommandOrigin": _counted("Runspace Internal"),
    "System.Management.Automation.SessionStateEntryVisibility": _counted("Public Private"),
    "System.Management.Automation.PSLanguageMode": _counted(
        "FullLanguage RestrictedLanguage NoLanguage ConstrainedLanguage"
    ),
    "System.Management.Automation.SerializationMethod": _counted("AllPublicProperties String SpecificProperties"),
    "Microsoft.Win32.RegistryValueKind": _valued(
        "Unknown=0 String=1 ExpandString=2 Binary=3 DWord=4 MultiString=7 QWord=11 None=-1"
    ),
    "Microsoft.PowerShell.ExecutionPolicy": _counted("Unrestricted RemoteSigned AllSigned Restricted Bypass"),
    "System.ConsoleKey": _valued("Backspace=8 Tab=9 Enter=13 Escape=27 Spacebar=32 A=65 B=66 C=67 Q=81 Y=89 F1=112"),
    "System.Net.HttpStatusCode": _valued(
        "OK=200 Created=201 Accepted=202 NoContent=204 MovedPermanently=301 Found=302 NotModified=304 BadRequest=400 "
        "Unauthorized=401 Forbidden=403 NotFound=404 MethodNotAllowed=405 RequestTimeout=408 Conflict=409 "
        "InternalServerError=500 NotImplemented=501 BadGateway=502 ServiceUnavailable=503 GatewayTimeout=504"
    ),
    "System.Xml.XmlDateTimeSerializationMode": _counted("Local Utc Unspecified RoundtripKind"),
    "System.Net.Sockets.ProtocolType": _valued("IP=0 Icmp=1 Tcp=6 Udp=17 IPv6=41"),
    "System.Net.Sockets.SocketType": _counted("Stream Dgram Raw", 1),
    "System.Data.DataRowState": _valued("Detached=1 Unchanged=2 Added=4 Deleted=8 Modified=16"),
}
_FLAGS: Final[dict[str, Mapping[str, int]]] = {
    "System.ConsoleModifiers": _valued("Alt=1 Shift=2 Control=4"),
    "System.IO.FileAccess": _valued("Read=1 Write=2 ReadWrite=3"),
    "System.IO.FileShare": _valued("None=0 Read=1 Write=2 ReadWrite=3 Delete=4 Inheritable=16"),
    "System.Globalization.NumberStyles": _valued(
        "None=0 AllowLeadingWhite=1 AllowTrailingWhite=2 AllowLeadingSign=4 Integer=7 AllowTrailingSign=8 "
        "AllowParentheses=16 AllowDecimalPoint=32 AllowThousands=64 Number=111 AllowExponent=128 Float=167 "
        "AllowCurrencySymbol=256 Currency=383 Any=511 AllowHexSpecifier=512 HexNumber=515"
    ),
    "System.Globalization.DateTimeStyles": _valued(
        "None=0 AllowLeadingWhite=1 AllowTrailingWhite=2 AllowInnerWhite=4 AllowWhiteSpaces=7 NoCurrentDateDefault=8 "
        "AdjustToUniversal=16 AssumeLocal=32 AssumeUniversal=64 RoundtripKind=128"
    ),
    "System.Security.AccessControl.FileSystemRights": _valued(
        "ReadData=1 CreateFiles=2 AppendData=4 ReadExtendedAttributes=8 WriteExtendedAttributes=16 Traverse=32 "
        "DeleteSubdirectoriesAndFiles=64 ReadAttributes=128 WriteAttributes=256 Write=278 Delete=65536 "
        "ReadPermissions=131072 Read=131209 ReadAndExecute=131241 Modify=197055 ChangePermissions=262144 "
        "TakeOwnership=524288 Synchronize=1048576 FullControl=2032127"
    ),
    "System.Security.AccessControl.InheritanceFlags": _valued("None=0 ContainerInherit=1 ObjectInherit=2"),
    "System.Security.AccessControl.PropagationFlags": _valued("None=0 NoPropagateInherit=1 InheritOnly=2"),
    "System.Net.SecurityProtocolType": _valued("SystemDefault=0 Ssl3=48 Tls=192 Tls11=768 Tls12=3072 Tls13=12288"),
    "System.Reflection.BindingFlags": _valued(
        "Default=0 IgnoreCase=1 DeclaredOnly=2 Instance=4 Static=8 Public=16 NonPublic=32 FlattenHierarchy=64"
    ),
}
for _name, _labels in _PLAIN.items():
    register_enum(EnumType(_name, _labels))
for _name, _labels in _FLAGS.items():
    register_enum(EnumType(_name, _labels, flags=True))
register_enum(
    EnumType(
        "System.Security.AccessControl.AceFlags",
        _valued(
            "None=0 ObjectInherit=1 ContainerInherit=2 NoPropagateInherit=4 InheritOnly=8 InheritanceFlags=15 "
            "Inherited=16 SuccessfulAccess=64 FailedAccess=128 AuditFlags=192"
        ),
        flags=True,
        base=Byte,
    )
)
register_enum(
    EnumType("System.Security.AccessControl.AceType", _counted("AccessAllowed AccessDenied SystemAudit"), base=Byte)
)
register_enum(
    EnumType(
        "System.Diagnostics.Tracing.EventKeywords",
        _valued(
            "None=0 WdiContext=0x2000000000000 WdiDiagnostic=0x4000000000000 "
            "Sqm=0x8000000000000 AuditFailure=0x10000000000000 CorrelationHint=0x10000000000000 "
            "AuditSuccess=0x20000000000000 EventLogClassic=0x80000000000000 All=-1"
        ),
        flags=True,
        base=Int64,
    )
)
VISIBILITY: Final = ENUMS["system.management.automation.sessionstateentryvisibility"]
COMMAND_ORIGIN: Final = ENUMS["system.management.automation.commandorigin"]
