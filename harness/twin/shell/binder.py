"""Arguments to parameters: names and abbreviations, positions, parameter sets, pipeline input."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

from harness.twin.shell.arguments import COMMON, NO_VALUE, SHOULD_PROCESS, Argument, BindingErrors
from harness.twin.shell.ast import Extent
from harness.twin.shell.commands.api import Parameter
from harness.twin.shell.conversion import convert, to_bool
from harness.twin.shell.delaying import delaying
from harness.twin.shell.errors import PSError
from harness.twin.shell.objects import PSObject, bare_value
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import TypeRef, array_of, find_type, is_instance, is_null, type_chain, type_name
from harness.twin.shell.validation import check_emptiness, validate

SWITCH: Final = "switch"


@functools.lru_cache(maxsize=2048)
def parameter_type(kind: str) -> TypeRef:
    """The type of a parameter's ``kind``."""
    if kind.endswith("[]"):
        return array_of(parameter_type(kind[:-2]))
    if kind == SWITCH:
        return TypeRef("System.Management.Automation.SwitchParameter")
    return find_type(kind) or TypeRef(kind)


class Signature:
    """The parameters of a command, prepared for binding."""

    def __init__(
        self,
        parameters: Sequence[Parameter],
        default_set: str = "",
        should_process: bool = False,
        common: bool = True,
    ) -> None:
        self.parameters = tuple(parameters)
        self.default_set = default_set
        self.common = common
        extra = (*COMMON, *(SHOULD_PROCESS if should_process else ())) if common else ()
        self.by_name: dict[str, Parameter] = {}
        for parameter in (*self.parameters, *extra):
            for name in (parameter.name, *parameter.aliases):
                self.by_name.setdefault(name.lower(), parameter)
        self.common_names = frozenset(parameter.name for parameter in extra)
        self.sets = tuple(dict.fromkeys(name for parameter in self.parameters for name in parameter.sets))
        self.all_sets = frozenset(self.sets)
        self.narrowing: dict[str, frozenset[str]] = {}
        """The sets that stay possible once the parameter of that name is bound."""
        for parameter in self.parameters:
            if parameter.sets:
                known = self.narrowing.get(parameter.name, self.all_sets)
                self.narrowing[parameter.name] = known.intersection(parameter.sets)
        places = sorted({one.position for one in self.parameters if one.position is not None})
        self.positions = tuple(
            tuple(one for one in self.parameters if one.position == place and not one.remaining) for place in places
        )
        self.by_value = [parameter for parameter in self.parameters if parameter.by("value")]
        self.by_property = [parameter for parameter in self.parameters if parameter.by("name")]
        self.remaining_all = [parameter for parameter in self.parameters if parameter.remaining]
        self.remaining = self.remaining_all[0] if self.remaining_all else None
        self.mandatory = [parameter for parameter in self.parameters if parameter.mandatory or parameter.mandatory_in]
        self.plain_input = (
            len(self.by_value) == 1 and not self.by_property and self.by_value[0].kind in ("object", "psobject")
        )

    def find(self, argument: Argument, errors: BindingErrors) -> Parameter | None:
        """The parameter that a name or an abbreviation means; ``None`` for no such parameter."""
        low = (argument.name or "").lower()
        found = self.by_name.get(low)
        if found is not None:
            return found
        near = {parameter.name: parameter for name, parameter in self.by_name.items() if name.startswith(low)}
        if len(near) == 1:
            return next(iter(near.values()))
        own = [parameter for name, parameter in near.items() if name not in self.common_names]
        if len(near) > 1:
            if len(own) == 1:  # the command's own parameters go before the common ones [measured]
                return own[0]
            raise errors.ambiguous(argument, list(near))
        return None


class Binding:
    """The result: values by parameter name, what is left, and the set chosen."""

    __slots__ = ("bound", "common", "explicit", "extra", "parameter_set", "pending", "unknown")

    def __init__(self) -> None:
        self.bound: dict[str, Any] = {}
        self.common: dict[str, object] = {}
        self.extra: list[object] = []
        self.parameter_set = ""
        self.explicit: set[str] = set()
        self.pending: list[Parameter] = []
        self.unknown: Argument | None = None
        """The first name that means no parameter."""


Coerce = Callable[[Parameter, object, Argument | None], object]


class Binder:
    """Binds one call of a command.

    ``coerce`` converts and checks a value for a parameter; cmdlets and functions differ there.
    """

    def __init__(self, signature: Signature, errors: BindingErrors, coerce: Coerce, advanced: bool) -> None:
        self.signature = signature
        self.errors = errors
        self.coerce = coerce
        self.advanced = advanced

    def bind(
        self, arguments: Sequence[Argument], defaults: Callable[[Binding], None] | None, pipeline: bool
    ) -> Binding:
        """Bind everything on the line. ``pipeline``: more may come from there. Raises ``PSError``."""
        binding = Binding()
        if self.signature.by_value or self.signature.by_property:
            self.coerce = delaying(self.coerce, self.errors, pipeline)
        loose = self._bind_named(arguments, binding)
        if self.signature.sets and not self._sets(binding):  # goes before an unknown name
            raise self.errors.no_set()
        if binding.unknown is not None:
            raise self.errors.not_found(binding.unknown)
        self._bind_positional(loose, binding)
        if defaults is not None:
            defaults(binding)
        self._choose_set(binding, pipeline)
        return binding

    def _bind_named(self, arguments: Sequence[Argument], binding: Binding) -> list[Argument]:
        loose: list[Argument] = []
        at, count = 0, len(arguments)
        while at < count:
            argument = arguments[at]
            at += 1
            if argument.name is None:
                loose.append(argument)
                continue
            parameter = self.signature.find(argument, self.errors)
            if parameter is None:
                at = self._unknown(arguments, at, argument, loose, binding)
                continue
            value = argument.value
            source = argument
            if parameter.kind == SWITCH:
                value = True if value is NO_VALUE else value
            elif value is NO_VALUE:
                if at >= count or arguments[at].name is not None:
                    shown = str(parameter_type(parameter.kind))
                    raise self.errors.missing_argument(argument, parameter.name, shown)
                source = arguments[at]
                value = source.value
                at += 1
            self._set(parameter, value, source, binding, argument)
        return loose

    def _unknown(
        self, arguments: Sequence[Argument], at: int, argument: Argument, loose: list[Argument], binding: Binding
    ) -> int:
        """A name that means no parameter: an error, or (simple functions) part of ``$args`` with its value."""
        if self.signature.remaining is None and self.advanced:
            binding.unknown = binding.unknown or argument
            return at
        if len(self.signature.remaining_all) > 1:  # what is left could belong to more than one set
            raise self.errors.no_set("MetadataError")
        given = argument.value is not NO_VALUE
        words: list[object] = [f"-{argument.name}{':' if given else ''}"]
        if given:
            words.append(argument.value)
        elif self.signature.remaining is None and at < len(arguments) and arguments[at].name is None:
            words.append(arguments[at].value)
            at += 1
        if self.signature.remaining is None and self.signature.parameters:
            binding.extra.extend(words)
        else:
            loose.extend(Argument(None, word, None, argument.extent) for word in words)
        return at

    def _set(self, parameter: Parameter, value: object, source: Argument, binding: Binding, named: Argument) -> None:
        is_common = self.signature.common and parameter.name in self.signature.common_names
        if is_common:
            if parameter.name.lower() in binding.common:
                raise self.errors.twice(named, parameter.name)
            binding.common[parameter.name.lower()] = self.coerce(parameter, value, source)
            return
        if parameter.name in binding.bound:
            raise self.errors.twice(named, parameter.name)
        binding.bound[parameter.name] = self.coerce(parameter, value, source)
        binding.explicit.add(parameter.name)

    def _viable(self, parameter: Parameter, binding: Binding) -> bool:
        return not parameter.sets or not self._sets(binding).isdisjoint(parameter.sets)

    def _sets(self, binding: Binding) -> frozenset[str]:
        viable = self.signature.all_sets
        for name in binding.bound:
            narrower = self.signature.narrowing.get(name)
            if narrower is not None:
                viable = viable & narrower
        return viable

    def _bind_positional(self, loose: list[Argument], binding: Binding) -> None:
        if not loose:
            return
        rest = list(loose)
        for candidates in self.signature.positions:
            if not rest:
                break
            fitting = [
                parameter
                for parameter in candidates
                if parameter.name not in binding.bound and self._viable(parameter, binding)
            ]
            if fitting:
                self._bind_at(fitting, rest.pop(0), binding)
        if not rest:
            return
        remaining = next(
            (
                one
                for one in self.signature.remaining_all
                if one.name not in binding.bound and self._viable(one, binding)
            ),
            None,
        )
        if remaining is not None:
            values = [_as_written(one) if remaining.written else one.value for one in rest]
            if len(values) == 1 and isinstance(values[0], list):
                values = list(values[0])
            binding.bound[remaining.name] = self.coerce(remaining, values, rest[0])
            return
        if self.advanced:
            raise self.errors.positional(rest[0], to_text(rest[0].value))
        binding.extra = [*[argument.value for argument in rest], *binding.extra]

    def _bind_at(self, fitting: list[Parameter], argument: Argument, binding: Binding) -> None:
        if len(fitting) > 1:
            default = self.signature.default_set
            fitting = sorted(
                fitting,
                key=lambda parameter: (
                    not _fits(parameter, argument.value),
                    default not in parameter.sets if parameter.sets else False,
                ),
            )
        fault: PSError | None = None
        for parameter in fitting:
            try:
                binding.bound[parameter.name] = self.coerce(parameter, argument.value, argument)
            except PSError as error:
                fault = fault or error
            else:
                return
        assert fault is not None  # noqa: S101 - there was at least one parameter
        raise fault

    def _choose_set(self, binding: Binding, pipeline: bool) -> None:
        if self.signature.sets:
            viable = self._sets(binding)
            if not viable:
                raise self.errors.no_set()
            ordered = [name for name in self.signature.sets if name in viable]
            default = self.signature.default_set
            if default in viable and (len(viable) > 1 or not ordered):
                binding.parameter_set = default
                if pipeline or self._missing(binding, default, pipeline):
                    ready = [name for name in ordered if not self._missing(binding, name, pipeline)]
                    if len(ready) == 1:
                        binding.parameter_set = ready[0]
            elif len(viable) == 1:
                binding.parameter_set = ordered[0]
            else:
                complete = [name for name in ordered if not self._missing(binding, name, pipeline)]
                if len(complete) != 1 and not pipeline:
                    raise self.errors.no_set()
                binding.parameter_set = complete[0] if complete else ordered[0]
        missing = self._missing(binding, binding.parameter_set, pipeline)
        if missing:
            raise self.errors.missing_mandatory([parameter.name for parameter in missing])

    def _missing(self, binding: Binding, set_name: str, pipeline: bool) -> list[Parameter]:
        return [
            parameter
            for parameter in self.signature.mandatory
            if parameter.name not in binding.bound
            and (not parameter.sets or set_name in parameter.sets or not set_name)
            and (not parameter.mandatory_in or set_name in parameter.mandatory_in)
            and not (pipeline and parameter.pipeline)
        ]


def _fits(parameter: Parameter, value: object) -> bool:
    """Whether a value is of a parameter's type already."""
    wanted = parameter_type(parameter.kind)
    if wanted.full_name == "System.Object":
        return True
    if wanted.element is not None:
        element = wanted.element
        return is_instance(value, element) or (
            isinstance(value, list) and all(is_instance(item, element) for item in value)
        )
    return is_instance(value, wanted)


# ---------------------------------------------------------------------------------------------- values of cmdlets


def _as_written(argument: Argument) -> object:
    if argument.text is None or not isinstance(argument.value, int | float | Decimal):
        return argument.value
    return PSObject(None, type_chain(argument.value), argument.value, argument.text)


def cmdlet_coerce(errors: BindingErrors) -> Coerce:
    """How cmdlets convert: no list for a single value, no text for a boolean."""

    def coerce(parameter: Parameter, value: object, argument: Argument | None) -> object:
        extent = argument.extent if argument is not None else None
        if parameter.transform is not None:
            value = parameter.transform(value)
        kind = parameter.kind
        if kind in ("object", "psobject"):
            if parameter.mandatory or parameter.values:
                check_emptiness(parameter, value, errors, extent)
                validate(parameter, value, errors, extent)
            return None if is_null(value) else value
        if kind == SWITCH:
            return to_bool(value)
        wanted = parameter_type(kind)
        if is_null(value) and kind in _NEVER_NULL and not parameter.mandatory:
            reason = f'Exception setting "{parameter.name}": "Cannot convert null to type "{wanted}"."'
            text = f"Cannot bind parameter '{parameter.name}' to the target. {reason}"
            raise errors.make(text, "ParameterBindingFailed", "WriteError", extent=extent)
        if (
            argument is not None
            and argument.text is not None
            and kind in ("string", "string[]")
            and not isinstance(value, list)
        ):
            value = argument.text
        if parameter.not_null_or_empty and (is_null(value) or value in ("", [])):
            text = (
                "The argument is null or empty. Provide an argument that is not null or empty, and then try the "
                "command again."
            )
            raise errors.invalid(parameter.name, text, extent)
        if parameter.mandatory:
            check_emptiness(parameter, value, errors, extent)
        converted = _converted(parameter, wanted, value, errors, extent)
        if parameter.mandatory:
            check_emptiness(parameter, converted, errors, extent)
        validate(parameter, converted, errors, extent)
        return converted

    return coerce


_NEVER_NULL: Final = frozenset({"int", "long", "double", "byte", "uint32", "uint64", "timespan", "char", "decimal"})


def _converted(
    parameter: Parameter, wanted: TypeRef, value: object, errors: BindingErrors, extent: Extent | None
) -> object:
    if isinstance(value, list) and wanted.element is None and wanted.full_name not in _TAKES_LISTS:
        text = (
            f"Cannot convert '{type_name(value)}' to the type '{wanted}' required by parameter '{parameter.name}'. "
            "Specified method is not supported."
        )
        raise errors.make(text, "CannotConvertArgument", extent=extent)
    if (
        wanted.full_name == "System.Management.Automation.ScriptBlock"
        and not is_instance(value, wanted)
        and not is_null(value)
    ):
        reason = f'Cannot convert the "{to_text(value)}" value of type "{type_name(value)}" to type "{wanted}".'
        raise errors.make(
            f"Cannot bind parameter '{parameter.name}'. {reason}", "CannotConvertArgumentNoMessage", extent=extent
        )
    try:
        return convert(value, wanted)
    except PSError as fault:
        text = f"Cannot bind parameter '{parameter.name}'. {fault.record.message}"
        raise errors.make(text, "CannotConvertArgumentNoMessage", extent=extent, inner=fault.record.exception) from None


_TAKES_LISTS: Final = frozenset(
    {"System.Array", "System.Collections.IEnumerable", "System.Collections.IList", "System.Collections.ArrayList"}
)


# -------------------------------------------------------------------------------------------------- pipeline input


def bind_pipeline(
    signature: Signature,
    binding: Binding,
    item: object,
    coerce: Coerce,
    read: Callable[[object, str], object],
    missing: object,
) -> dict[str, object] | None:
    """What a pipeline object gives to the unbound parameters; ``None`` when nothing takes it."""
    found: dict[str, object] = {}
    by_value = [parameter for parameter in signature.by_value if parameter.name not in binding.bound]
    for parameter in by_value:
        if _fits(parameter, item):
            try:
                found[parameter.name] = coerce(parameter, item, None)
            except PSError as fault:
                if (parameter.mandatory and is_null(item)) or _refused(fault):
                    raise
                continue
            break
    for parameter in signature.by_property:
        if parameter.name in binding.bound or parameter.name in found:
            continue
        for name in (parameter.name, *parameter.aliases):
            value = read(item, name)
            if value is not missing:
                try:
                    found[parameter.name] = coerce(parameter, value, None)
                except PSError as fault:
                    if (not found and not by_value) or _refused(fault):
                        raise
                break
    if not found:
        for parameter in by_value:
            try:
                found[parameter.name] = coerce(parameter, item, None)
            except PSError as fault:
                if is_null(item) or _refused(fault):
                    raise
                continue
            break
    return found or None


def _refused(fault: PSError) -> bool:
    """Whether a value was of the right type and failed a check: no other parameter is tried then."""
    return fault.record.exception.type_name.endswith(".ParameterBindingValidationException")


def plain(value: object) -> object:
    """A value without its wrapper."""
    return bare_value(value)
