"""Commands and pipelines: arguments, lookup, redirections, running."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from harness.twin.shell.arguments import NO_VALUE, Argument
from harness.twin.shell.ast import (
    CommandAst,
    CommandBaseAst,
    CommandExpressionAst,
    CommandParameterAst,
    ConstantExpressionAst,
    FileRedirectionAst,
    InvocationOperator,
    MergingRedirectionAst,
    ParenExpressionAst,
    PipelineAst,
    RedirectionAst,
    RedirectionStream,
    StringConstantExpressionAst,
    VariableExpressionAst,
)
from harness.twin.shell.compiler.core import Compiler, as_ps_error, emit, statement
from harness.twin.shell.errors import Invocation, NetError, PSError, StopUpstream, runtime_error
from harness.twin.shell.frame import Frame, Sink, Streams
from harness.twin.shell.lookup import Target, find_command
from harness.twin.shell.objects import NOTHING, PSHashtable, PSObject
from harness.twin.shell.processors import Processor
from harness.twin.shell.redirection import Redirect, redirected_streams
from harness.twin.shell.scriptblock import Run
from harness.twin.shell.text import to_text

ArgumentMaker = Callable[[Frame], Sequence[Argument]]
Starter = Callable[[Frame, Sink], Processor]


class Head:
    """The expression at the head of a pipeline."""

    def __init__(self, compiler: Compiler, node: CommandExpressionAst) -> None:
        self.evaluate = compiler.raw(node.expression)
        self.redirect = redirections(compiler, node.redirections)

    def feed(self, frame: Frame, sink: Sink) -> None:
        """Evaluate it under its redirections; what comes goes into ``sink``."""
        if self.redirect is None:
            emit(sink, self.evaluate(frame))
            return
        streams, out, close = redirected_streams(frame, self.redirect, sink)
        before = frame.out, frame.streams
        frame.out, frame.streams = out, streams
        try:
            emit(out, self.evaluate(frame))
        finally:
            frame.out, frame.streams = before
            if close is not None:
                close()


def compile_pipeline(compiler: Compiler, node: PipelineAst) -> Run:
    """A pipeline with at least one command or redirection."""
    head: Head | None = None
    starters: list[Starter] = []
    count = len(node.elements)
    for at, element in enumerate(node.elements):
        if isinstance(element, CommandExpressionAst):
            if at == 0:
                head = Head(compiler, element)
            continue
        assert isinstance(element, CommandAst)  # noqa: S101 - the only other kind
        starters.append(compile_command(compiler, element, at, count))
    extent = node.extent
    if head is not None and not starters:
        return _expression_only(head, extent)

    def run(frame: Frame) -> None:
        frame.pos = extent
        run_pipeline(frame, head, starters)

    return run


def _expression_only(head: Head, extent: Any) -> Run:
    def run(frame: Frame) -> None:
        frame.pos = extent
        head.feed(frame, frame.out)
        frame.rs.ok = True

    return run


def run_pipeline(frame: Frame, head: Head | None, starters: list[Starter]) -> None:
    """Run linked commands: all begin, objects flow, all end."""
    rs = frame.rs
    chain: list[Processor] = []
    out = frame.out
    for starter in reversed(starters):
        processor = starter(frame, out)
        chain.insert(0, processor)
        out = processor.process
    failed = True
    try:
        first = chain[0]
        start = 0
        try:
            for at, processor in enumerate(chain):
                processor.begin(at > 0 or head is not None)
            for processor in reversed(chain):
                if processor.early:
                    processor.release()
            if head is not None:
                head.feed(frame, first.process)
            else:
                first.process(NOTHING)
        except StopUpstream as stop:
            if stop.processor not in chain:
                raise
            start = chain.index(stop.processor)
        while start < len(chain):
            try:
                for processor in chain[start:]:
                    start += 1
                    processor.end()
            except StopUpstream as stop:
                if stop.processor not in chain:
                    raise
                start = max(start, chain.index(stop.processor))
        failed = any(processor.failed for processor in chain)
    except NetError as fault:
        raise as_ps_error(fault) from None
    finally:
        for processor in chain:
            processor.close()
        rs.ok = not failed


# --------------------------------------------------------------------------------------------------------- commands


def compile_command(compiler: Compiler, node: CommandAst, position: int = 0, length: int = 1) -> Starter:
    """A command: how to start it."""
    makers = _arguments(compiler, node)
    redirect = redirections(compiler, node.redirections)
    name_of = compiler.expr(node.elements[0]) if node.elements else (lambda _frame: None)  # type: ignore[arg-type]
    literal = node.command_name
    operator = node.invocation
    source, extent = compiler.source, node.extent
    like_method = (
        len(node.elements) == 2
        and isinstance(node.elements[1], ParenExpressionAst)
        and node.elements[0].extent.end == node.elements[1].extent.start
    )

    def start(frame: Frame, out: Sink) -> Processor:
        if like_method and frame.scope.strict_level >= 2:
            raise runtime_error(
                "The function or command was called as if it were a method. Parameters should be separated by spaces. "
                "For information about parameters, see the about_Parameters Help topic.",
                "StrictModeFunctionCallWithParens",
            )
        value: object = literal if literal is not None else name_of(frame)
        shown = to_text(value) if not isinstance(value, PSObject) else ""
        invocation = Invocation(shown, source, extent, shown, None, None, position + 1, length)
        try:
            target = find_command(frame, value, operator is not InvocationOperator.NONE, operator)
        except PSError as error:
            if error.record.error_id == "CommandNotFoundException":
                place = node.elements[0].extent
                error.record.invocation = Invocation(shown, source, place, shown)
            raise
        arguments: list[Argument] = []
        for maker in makers:
            arguments.extend(maker(frame))
        streams = frame.streams
        close = None
        if redirect is not None:
            streams, out, close = redirected_streams(frame, redirect, out)
        processor = target.start(frame, arguments, invocation, streams, operator is InvocationOperator.DOT)
        processor.out = out
        if close is not None:
            _closing(processor, close)
        return processor

    return start


def _closing(processor: Processor, close: Callable[[], None]) -> None:
    before = processor.close

    def both() -> None:
        before()
        close()

    processor.close = both  # type: ignore[method-assign]


def _arguments(compiler: Compiler, node: CommandAst) -> list[ArgumentMaker]:
    makers: list[ArgumentMaker] = []
    for element in node.elements[1:]:
        if isinstance(element, CommandParameterAst):
            makers.append(_parameter(compiler, element))
        elif isinstance(element, VariableExpressionAst) and element.splatted:
            makers.append(_splat(compiler, element))
        else:
            makers.append(_positional(compiler, element))
    return makers


def _literal_text(compiler: Compiler, node: object) -> str | None:
    return compiler.source.slice(node.extent) if isinstance(node, ConstantExpressionAst) else None


def _parameter(compiler: Compiler, element: CommandParameterAst) -> ArgumentMaker:
    name, extent = element.name, element.extent
    if element.argument is None:
        fixed = (Argument(name, NO_VALUE, None, extent),)
        return lambda _frame: fixed
    value_of = compiler.expr(element.argument)
    text = _literal_text(compiler, element.argument)
    return lambda frame: (Argument(name, value_of(frame), text, extent),)


def _positional(compiler: Compiler, element: Any) -> ArgumentMaker:
    extent = element.extent
    if isinstance(element, StringConstantExpressionAst):
        fixed = (Argument(None, element.value, None, extent),)
        return lambda _frame: fixed
    value_of = compiler.expr(element)
    text = _literal_text(compiler, element)
    return lambda frame: (Argument(None, value_of(frame), text, extent),)


def _splat(compiler: Compiler, element: VariableExpressionAst) -> ArgumentMaker:
    plain = VariableExpressionAst(element.extent, element.path)
    value_of = compiler.expr(plain)
    extent = element.extent

    def make(frame: Frame) -> Sequence[Argument]:
        value = value_of(frame)
        if isinstance(value, PSHashtable):
            return [Argument(to_text(key), item, None, extent, True) for key, item in value.items()]
        if isinstance(value, list):
            return [_splatted_item(item, extent) for item in value]
        return [] if value is None else [Argument(None, value, None, extent, True)]

    return make


def _splatted_item(item: object, extent: Any) -> Argument:
    return Argument(None, item, None, extent, True)


def redirections(compiler: Compiler, nodes: tuple[RedirectionAst, ...]) -> list[Redirect] | None:
    """The redirections of a command, ``None`` for none."""
    if not nodes:
        return None
    found: list[Redirect] = []
    for node in nodes:
        if isinstance(node, MergingRedirectionAst):
            found.append(Redirect(node.from_stream, None, False))
        elif isinstance(node, FileRedirectionAst):
            found.append(Redirect(node.from_stream, compiler.expr(node.location), node.append))
    return found


@statement(CommandAst)
def lone_command(compiler: Compiler, node: CommandAst) -> Run:
    """A command as a statement of its own."""
    starter = compile_command(compiler, node)
    extent = node.extent

    def run(frame: Frame) -> None:
        frame.pos = extent
        run_pipeline(frame, None, [starter])

    return run


__all__ = [
    "CommandBaseAst",
    "RedirectionStream",
    "Streams",
    "Target",
    "compile_command",
    "compile_pipeline",
    "run_pipeline",
]
