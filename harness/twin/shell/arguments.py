"""What a command is called with, and the errors of binding it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.twin.shell.commands.api import Parameter
from harness.twin.shell.errors import ErrorRecord, Invocation, NetException, PSError

if TYPE_CHECKING:
    from harness.twin.shell.ast import Extent

_AUTOMATION: Final = "System.Management.Automation."
NO_VALUE: Final = object()


class Argument:
    """One word of a call: a parameter name, a value, or both (``-Name:value``, splatting)."""

    __slots__ = ("extent", "name", "splatted", "text", "value")

    def __init__(
        self, name: str | None, value: object, text: str | None, extent: Extent | None, splatted: bool = False
    ) -> None:
        self.name = name
        self.value = value
        self.text = text
        self.extent = extent
        self.splatted = splatted


COMMON: Final = (
    Parameter("Verbose", "switch", aliases=("vb",)),
    Parameter("Debug", "switch", aliases=("db",)),
    Parameter("ErrorAction", "System.Management.Automation.ActionPreference", aliases=("ea",)),
    Parameter("WarningAction", "System.Management.Automation.ActionPreference", aliases=("wa",)),
    Parameter("InformationAction", "System.Management.Automation.ActionPreference", aliases=("infa",)),
    Parameter("ErrorVariable", "string", aliases=("ev",)),
    Parameter("WarningVariable", "string", aliases=("wv",)),
    Parameter("InformationVariable", "string", aliases=("iv",)),
    Parameter("OutVariable", "string", aliases=("ov",)),
    Parameter("OutBuffer", "int", aliases=("ob",)),
    Parameter("PipelineVariable", "string", aliases=("pv",)),
)
SHOULD_PROCESS: Final = (
    Parameter("WhatIf", "switch", aliases=("wi",)),
    Parameter("Confirm", "switch", aliases=("cf",)),
)
COMMON_NAMES: Final = frozenset(parameter.name for parameter in (*COMMON, *SHOULD_PROCESS))


class BindingErrors:
    """Errors in the name of one command."""

    __slots__ = ("class_name", "command", "invocation")

    def __init__(self, command: str, class_name: str, invocation: Invocation | None) -> None:
        self.command = command
        self.class_name = class_name
        self.invocation = invocation

    def make(
        self,
        message: str,
        error_id: str,
        category: str = "InvalidArgument",
        kind: str = "ParameterBindingException",
        extent: Extent | None = None,
        target: object = None,
        inner: NetException | None = None,
        target_type: str | None = None,
    ) -> PSError:
        """Any binding error."""
        own = self.invocation
        place = own
        if own is not None and extent is not None:
            place = Invocation(own.command, own.source, extent, own.invocation_name, own.command_info)
        record = ErrorRecord(
            NetException(_AUTOMATION + kind, message, inner),
            error_id,
            category,
            target,
            activity=self.command,
            invocation=place,
            command_class=self.class_name,
            target_type=target_type,
        )
        return PSError(record)

    def not_found(self, argument: Argument) -> PSError:
        """``A parameter cannot be found that matches parameter name 'X'.``"""
        text = f"A parameter cannot be found that matches parameter name '{argument.name}'."
        return self.make(text, "NamedParameterNotFound", extent=argument.extent)

    def ambiguous(self, argument: Argument, names: list[str]) -> PSError:
        """The abbreviation fits several parameters."""
        text = (
            f"Parameter cannot be processed because the parameter name '{argument.name}' is ambiguous. Possible "
            "matches "
            f"include: {' '.join(f'-{name}' for name in names)}."
        )
        return self.make(text, "AmbiguousParameter", extent=argument.extent)

    def missing_argument(self, argument: Argument, name: str, type_text: str) -> PSError:
        """A parameter without its value."""
        text = f"Missing an argument for parameter '{name}'. Specify a parameter of type '{type_text}' and try again."
        return self.make(text, "MissingArgument", extent=argument.extent)

    def twice(self, argument: Argument, name: str) -> PSError:
        """A parameter was given more than once."""
        text = (
            f"Cannot bind parameter because parameter '{name}' is specified more than once. To provide multiple "
            "values to "
            'parameters that can accept multiple values, use the array syntax. For example, "-parameter '
            'value1,value2,value3".'
        )
        return self.make(text, "ParameterAlreadyBound", extent=argument.extent)

    def positional(self, argument: Argument, shown: str) -> PSError:
        """Nothing takes this argument."""
        text = f"A positional parameter cannot be found that accepts argument '{shown}'."
        return self.make(text, "PositionalParameterNotFound", extent=None)

    def missing_mandatory(self, names: list[str]) -> PSError:
        """Mandatory parameters are missing, and nobody can be asked."""
        text = f"Cannot process command because of one or more missing mandatory parameters: {' '.join(names)}."
        return self.make(text, "MissingMandatoryParameter")

    def no_set(self, category: str = "InvalidArgument") -> PSError:
        """The parameters given belong to no common set."""
        text = "Parameter set cannot be resolved using the specified named parameters."
        return self.make(text, "AmbiguousParameterSet", category)

    def not_bound(self, item: object) -> PSError:
        """A pipeline object that no parameter takes."""
        text = (
            "The input object cannot be bound to any parameters for the command either because the command does "
            "not take "
            "pipeline input or the input and its properties do not match any of the parameters that take pipeline "
            "input."
        )
        return self.make(text, "InputObjectNotBound", target=item)

    def empty(self, name: str, what: str, extent: Extent | None) -> PSError:
        """A null or empty value for a parameter that does not allow it."""
        endings = {
            "Null": "because it is null.",
            "EmptyString": "because it is an empty string.",
            "EmptyArray": "because it is an empty array.",
            "EmptyCollection": "because it is an empty collection.",
        }
        return self.make(
            f"Cannot bind argument to parameter '{name}' {endings[what]}",
            f"ParameterArgumentValidationError{what}NotAllowed",
            "InvalidData",
            "ParameterBindingValidationException",
            extent,
        )

    def invalid(self, name: str, reason: str, extent: Extent | None, inner: NetException | None = None) -> PSError:
        """A validation attribute says no."""
        return self.make(
            f"Cannot validate argument on parameter '{name}'. {reason}",
            "ParameterArgumentValidationError",
            "InvalidData",
            "ParameterBindingValidationException",
            extent,
            inner=inner,
        )
