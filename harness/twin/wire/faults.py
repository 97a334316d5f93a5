"""The faults a node's WinRM service answers with: codes, subcodes and texts.

Texts end with the blank Windows puts there; clients' patterns are tested against them. The source of each row is in
`FaultKind.source`: [C] captured from Windows hosts, [W] reported with its text, [D] documented code, [INF] inferred
(code known, text or subcode not).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape, quoteattr

_FAULT_DETAIL = "http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/"


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One row of the fault table. `text` goes into the message, `reason` into the SOAP reason (default: the text)."""

    code: int
    sender: bool
    subcode: str
    text: str
    source: str
    reason: str | None = None
    detail: str | None = None
    provider: bool = False
    wmi_shape: bool = False


class WsManFaultError(Exception):
    """Ends an operation with a fault; the client gets HTTP 500 and the fault's body.

    `values` fill the placeholders of the kind's text.
    """

    def __init__(self, kind: FaultKind, *, message_id: str = "", **values: str | int) -> None:
        self.kind = kind
        self.message_id = message_id
        self.text = kind.text.format(**values) if values else kind.text
        super().__init__(f"fault {kind.code} ({kind.subcode}): {self.text}")


_INVALID_SELECTORS = (
    "The WS-Management service cannot process the request because the request contained invalid selectors for the "
    "resource. "
)

ACCESS_DENIED: Final = FaultKind(5, True, "w:AccessDenied", "Access is denied. ", "[INF] code and subcode from reports")
INVALID_PARAMETER: Final = FaultKind(
    87, True, "w:InvalidParameter", "The parameter is incorrect. ", "[C]", detail="InvalidValue", provider=True
)
OPERATION_ABORTED: Final = FaultKind(
    995,
    False,
    "w:InternalError",
    "The I/O operation has been aborted because of either a thread exit or an application request. ",
    "[INF] subcode; code and text are Windows error 995",
)
FILE_NOT_FOUND: Final = FaultKind(
    2147942402,
    False,
    "w:InternalError",
    "The system cannot find the file specified. ",
    "[C]",
    provider=True,
)
RESOURCE_NOT_FOUND: Final = FaultKind(
    2150858752,
    True,
    "a:DestinationUnreachable",
    "The WS-Management service cannot process the request. {what} ",
    "[D] code; [INF] subcode and text",
)
INVALID_HEADER: Final = FaultKind(
    2150858767,
    True,
    "a:InvalidMessageInformationHeader",
    "The WS-Management service cannot process the request because the request contains an invalid header. ",
    "[C] code and subcode; [INF] text",
)
OPERATION_TIMED_OUT: Final = FaultKind(
    2150858793,
    False,
    "w:TimedOut",
    "The WS-Management service cannot complete the operation within the time specified in OperationTimeout.  ",
    "[C]",
)
SCHEMA_VALIDATION: Final = FaultKind(
    2150858817,
    True,
    "w:SchemaValidationError",
    "The SOAP XML in the message does not match the corresponding XML schema definition. Change the XML and retry. ",
    "[C] code and subcode; [INF] text",
)
ENVELOPE_TOO_LARGE: Final = FaultKind(
    2150858825,
    True,
    "w:EncodingLimit",
    "The WS-Management service cannot process the request. The request is larger than MaxEnvelopeSizekb allows "
    "({limit_kb} kb). ",
    "[D] code; [INF] text",
)
SHELL_NOT_FOUND: Final = FaultKind(
    2150858843,
    True,
    "w:InvalidSelectors",
    "The request for the Windows Remote Shell with ShellId {shell_id} failed because the shell was not found on the "
    "server. Possible causes are: the specified ShellId is incorrect or the shell no longer exists on the server. "
    "Provide the correct ShellId or create a new shell and retry the operation. ",
    "[C]",
    reason=_INVALID_SELECTORS,
    detail="UnexpectedSelectors",
)
COMMAND_NOT_FOUND: Final = FaultKind(
    2150858843,
    True,
    "w:InvalidSelectors",
    "The Windows Remote Shell received a request to perform an operation on a command identifier that does not exist. "
    "Either the command has completed execution or the client specified an invalid command identifier. ",
    "[C]",
    reason=_INVALID_SELECTORS,
    detail="UnexpectedSelectors",
)
MAX_SHELLS: Final = FaultKind(
    2150859173,
    True,
    "w:QuotaLimit",
    "The WS-Management service cannot process the request. This user is allowed a maximum number of {limit} concurrent "
    "shells, which has been exceeded. Close existing shells or raise the quota for this user. ",
    "[W] code and text; [INF] subcode",
)
MAX_OPERATIONS: Final = FaultKind(
    2150859174,
    False,
    "w:InternalError",
    "The WS-Management service cannot process the request. This user is allowed a maximum number of {limit} concurrent "
    "operations, which has been exceeded. Close existing operations for this user, or raise the quota for this user. ",
    "[W] captured body",
    wmi_shape=True,
)


def build_body(fault: WsManFaultError, machine: str) -> str:
    """The SOAP body of a fault; `machine` is the host as the client addressed it."""
    kind = fault.kind
    text = escape(fault.text)
    reason = escape(kind.reason) if kind.reason else text
    detail = f"<w:FaultDetail>{_FAULT_DETAIL}{kind.detail}</w:FaultDetail>" if kind.detail else ""
    detail += _build_wmi_error(kind, text) if kind.wmi_shape else _build_wsman_fault(kind, text, machine)
    return (
        f"<s:Fault><s:Code><s:Value>{'s:Sender' if kind.sender else 's:Receiver'}</s:Value>"
        f"<s:Subcode><s:Value>{kind.subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en-US">{reason}</s:Text></s:Reason><s:Detail>{detail}</s:Detail></s:Fault>'
    )


def _build_wsman_fault(kind: FaultKind, text: str, machine: str) -> str:
    if kind.provider:
        text = (
            '<f:ProviderFault provider="Shell cmd plugin" path="%systemroot%\\system32\\winrscmd.dll">'
            f"{text}</f:ProviderFault>"
        )
    return (
        '<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"'
        f' Code="{kind.code}" Machine={quoteattr(machine)}><f:Message>{text}</f:Message></f:WSManFault>'
    )


_WMI_ERROR_NULL = '<p:{name} xsi:type="cim:cimString" xsi:nil="true"/>'
_WMI_ERROR_VALUE = '<p:{name} xsi:type="cim:{type}">{value}</p:{name}>'


def _build_wmi_error(kind: FaultKind, text: str) -> str:
    """Quota faults of the service come as MSFT_WmiError, without a WSManFault element ([W] captured)."""
    rows: tuple[tuple[str, str, str | int | None], ...] = (
        ("CIMStatusCode", "cimUnsignedInt", 27),
        ("CIMStatusCodeDescription", "cimString", None),
        ("ErrorSource", "cimString", None),
        ("ErrorSourceFormat", "cimUnsignedShort", 0),
        ("ErrorType", "cimUnsignedShort", 0),
        ("Message", "cimString", text),
        ("MessageID", "cimString", f"HRESULT 0x{kind.code:08x}"),
        ("OtherErrorSourceFormat", "cimString", None),
        ("OtherErrorType", "cimString", None),
        ("OwningEntity", "cimString", None),
        ("PerceivedSeverity", "cimUnsignedShort", 0),
        ("ProbableCause", "cimUnsignedShort", 0),
        ("ProbableCauseDescription", "cimString", None),
        ("error_Category", "cimUnsignedInt", 30),
        ("error_Code", "cimUnsignedInt", kind.code),
        ("error_Type", "cimString", "HRESULT"),
        ("error_WindowsErrorMessage", "cimString", text),
    )
    fields = "".join(
        _WMI_ERROR_NULL.format(name=name)
        if value is None
        else _WMI_ERROR_VALUE.format(name=name, type=cim_type, value=value)
        for name, cim_type, value in rows
    )
    return (
        '<p:MSFT_WmiError b:IsCIM_Error="true" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        ' xmlns:b="http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd"'
        ' xmlns:p="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/MSFT_WmiError"'
        ' xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common" xsi:type="p:MSFT_WmiError_Type">'
        f"{fields}</p:MSFT_WmiError>"
    )
