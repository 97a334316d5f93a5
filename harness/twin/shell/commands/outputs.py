"""``Write-*``, ``Out-Null``, ``Read-Host``."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from harness.twin.shell.commands.api import Call, Command, Parameter
from harness.twin.shell.commands.table import CORE, ENGINE, INPUT, UTILITY
from harness.twin.shell.errors import ErrorDetails, ErrorRecord, Invocation, NetException
from harness.twin.shell.objects import NOTHING, Enumerator, PSEnum, PSHashtable, PSObject
from harness.twin.shell.records import HostText, InformationRecord, ProgressRecord
from harness.twin.shell.scriptblock import ScriptBlock
from harness.twin.shell.text import net_text, to_text
from harness.twin.shell.typesystem import ENUMS, is_null

_CATEGORIES = ENUMS["system.management.automation.errorcategory"]


@CORE.cmdlet(
    "Write-Output",
    module=UTILITY,
    parameters=[
        Parameter(
            "InputObject",
            "object",
            position=0,
            pipeline="value",
            remaining=True,
            mandatory=True,
            allow_null=True,
            allow_empty=True,
        ),
        Parameter("NoEnumerate", "switch"),
    ],
)
class WriteOutput(Command):
    """Sends objects down the pipeline."""

    def process(self, item: object) -> None:
        value = item
        if isinstance(value, list) and not self.call.switch("NoEnumerate"):
            for one in value:
                self.call.emit(one)
        elif value is not NOTHING:
            self.call.emit(value)


@CORE.cmdlet("Out-Null", module=ENGINE, parameters=[INPUT])
class OutNull(Command):
    """Swallows what comes."""


_WRITE_ERROR = [
    Parameter(
        "Message",
        "string",
        position=0,
        pipeline="value",
        sets=("NoException",),
        mandatory=True,
        allow_empty=True,
        allow_null=True,
        aliases=("Msg",),
    ),
    Parameter("Exception", "object", sets=("WithException",), mandatory=True),
    Parameter("ErrorRecord", "object", sets=("ErrorRecord",), mandatory=True),
    Parameter("Category", "System.Management.Automation.ErrorCategory"),
    Parameter("ErrorId", "string"),
    Parameter("TargetObject", "object"),
    Parameter("RecommendedAction", "string"),
    Parameter("CategoryActivity", "string", aliases=("Activity",)),
    Parameter("CategoryReason", "string", aliases=("Reason",)),
    Parameter("CategoryTargetName", "string", aliases=("TargetName",)),
    Parameter("CategoryTargetType", "string", aliases=("TargetType",)),
]


@CORE.cmdlet(
    "Write-Error",
    module=UTILITY,
    parameters=_WRITE_ERROR,
    default_set="NoException",
    class_name="Microsoft.PowerShell.Commands.WriteErrorCommand",
)
def write_error(call: Call) -> None:
    """Reports an error in the name of the function that calls it."""
    given = call.get("ErrorRecord")
    frame = call.rs.frames[-1] if call.rs.frames else None
    caller = frame.function if frame is not None and frame.function and frame.function != "<ScriptBlock>" else ""
    if isinstance(given, ErrorRecord):
        record = ErrorRecord(
            given.exception,
            given.error_id,
            given.category,
            given.target,
            details=given.details,
            command_class=caller,
            target_name=given.target_name,
            target_type=given.target_type,
            reason=given.reason,
        )
        record.activity = "Write-Error"
    else:
        record = _made(call, caller)
    record.activity = call.text("CategoryActivity") or record.activity or "Write-Error"
    record.reason = call.text("CategoryReason") or record.reason
    if call.has("CategoryTargetName"):
        record.target_name = call.text("CategoryTargetName")
    if call.has("CategoryTargetType"):
        record.target_type = call.text("CategoryTargetType")
    record.invocation = _where(call, caller)
    call.write_error(record)


def _where(call: Call, caller: str) -> Invocation | None:
    """``Write-Error`` shows the place where its function was called."""
    own: Invocation = call.invocation
    found = call.scope.value("myinvocation") if caller else None
    if isinstance(found, Invocation):
        return Invocation(caller, found.source, found.extent, caller)
    here = call.scope.vars.get("myinvocation")
    around = here.value if here is not None else None
    if isinstance(around, Invocation) and isinstance(around.command_info, ScriptBlock):
        text = around.command_info.text
        return Invocation(text, around.source, around.extent, text)
    script = own.source.text.strip() if own.source is not None else ""
    return Invocation(script, None, None, script)


def _made(call: Call, caller: str) -> ErrorRecord:
    exception = call.get("Exception")
    message = call.text("Message")
    category = call.get("Category")
    name = category.name if isinstance(category, PSEnum) else "NotSpecified"
    if isinstance(exception, NetException):
        record = ErrorRecord(exception, call.text("ErrorId") or exception.type_name, name, call.get("TargetObject"))
        if call.has("Message") and message:
            record.details = ErrorDetails(message)
    else:
        kind = "Microsoft.PowerShell.Commands.WriteErrorException"
        record = ErrorRecord(NetException(kind, message), call.text("ErrorId") or kind, name, call.get("TargetObject"))
    if call.has("RecommendedAction"):
        record.details = ErrorDetails(record.message, call.text("RecommendedAction"))
    record.command_class = caller
    return record


def _message(name: str, stream: str) -> None:
    parameters = [
        Parameter("Message", "string", position=0, pipeline="value", mandatory=True, allow_empty=True, aliases=("Msg",))
    ]

    @CORE.cmdlet(name, module=UTILITY, parameters=parameters)
    def write(call: Call) -> None:
        call.rs.write_message(call, stream, call.text("Message"))


_message("Write-Warning", "warning")
_message("Write-Verbose", "verbose")
_message("Write-Debug", "debug")


def host_text(value: object, separator: str) -> str:
    """What ``Write-Host`` shows of a value."""
    if isinstance(value, Enumerator):
        return separator.join(host_text(item, separator) for item in value.items)
    if isinstance(value, PSHashtable):
        return separator.join("System.Collections.DictionaryEntry" for _ in value)
    if isinstance(value, PSObject) and isinstance(value.base, list):
        value = value.base
    if isinstance(value, list):
        return separator.join(host_text(item, separator) for item in value)
    if isinstance(value, PSObject):
        written = value.text if isinstance(value.base, int | float | Decimal) else None
        return written if isinstance(written, str) else to_text(value) if value.base is None else net_text(value.base)
    return net_text(value)


@CORE.cmdlet(
    "Write-Host",
    module=UTILITY,
    parameters=[
        Parameter(
            "Object", "object", position=0, pipeline="value", remaining=True, written=True, aliases=("Msg", "Message")
        ),
        Parameter("NoNewline", "switch"),
        Parameter("Separator", "object"),
        Parameter("ForegroundColor", "System.ConsoleColor"),
        Parameter("BackgroundColor", "System.ConsoleColor"),
    ],
)
def write_host(call: Call) -> None:
    """Writes to the console; the text is also an information record."""
    separator = to_text(call.get("Separator", " "))
    value = call.get("Object")
    foreground, background = call.get("ForegroundColor"), call.get("BackgroundColor")
    text = HostText(
        host_text(value, separator),
        call.switch("NoNewline"),
        foreground.name if foreground is not None else None,
        background.name if background is not None else None,
    )
    call.rs.write_information(call, InformationRecord(text, ["PSHOST"]))


@CORE.cmdlet(
    "Write-Information",
    module=UTILITY,
    parameters=[
        Parameter(
            "MessageData",
            "object",
            position=0,
            mandatory=True,
            pipeline="value",
            aliases=("Msg", "Message"),
            allow_empty=True,
        ),
        Parameter("Tags", "string[]", position=1),
    ],
)
def write_information(call: Call) -> None:
    """Writes to the information stream."""
    call.rs.write_information(call, InformationRecord(call.get("MessageData"), call.texts("Tags")))


@CORE.cmdlet(
    "Write-Progress",
    module=UTILITY,
    parameters=[
        Parameter("Activity", "string", position=0, mandatory=True),
        Parameter("Status", "string", position=1),
        Parameter("Id", "int", position=2),
        Parameter("PercentComplete", "int"),
        Parameter("SecondsRemaining", "int"),
        Parameter("CurrentOperation", "string"),
        Parameter("ParentId", "int"),
        Parameter("Completed", "switch"),
        Parameter("SourceId", "int"),
    ],
)
def write_progress(call: Call) -> None:
    """Writes to the progress stream."""
    if call.rs.preference("progresspreference", call.scope) == 2:
        call.streams.progress(
            ProgressRecord(
                call.text("Activity"),
                call.text("Status", "Processing"),
                call.number("PercentComplete", -1),
                call.switch("Completed"),
                call.number("Id"),
                call.number("ParentId", -1),
                call.number("SecondsRemaining", -1),
                call.text("CurrentOperation"),
            )
        )


@CORE.cmdlet(
    "Read-Host",
    module=UTILITY,
    parameters=[Parameter("Prompt", "object", position=0), Parameter("AsSecureString", "switch")],
)
def read_host(call: Call) -> Iterable[object]:
    """Nobody can be asked: a WinRS process has no console input."""
    raise call.fail(
        "PowerShell is in NonInteractive mode. Read and Prompt functionality is not available.",
        "InvalidOperation",
        "InvalidOperation",
        exception="System.Management.Automation.PSInvalidOperationException",
    )


@CORE.cmdlet("Clear-Host", module=ENGINE)
def clear_host(call: Call) -> None:
    """There is no screen to clear."""


__all__ = ["_CATEGORIES", "host_text", "is_null"]
