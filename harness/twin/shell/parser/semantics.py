"""Checks of a whole tree that the grammar alone does not make; their errors come after those of the grammar."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.twin.shell.ast import (
    ArrayLiteralAst,
    AssignmentOperator,
    AssignmentStatementAst,
    Ast,
    AttributeAst,
    AttributedExpressionAst,
    BlockStatementAst,
    BreakStatementAst,
    CommandAst,
    ConstantExpressionAst,
    ContinueStatementAst,
    ConvertExpressionAst,
    DataStatementAst,
    ExpressionAst,
    ForEachStatementAst,
    FunctionDefinitionAst,
    FunctionMemberAst,
    HashtableAst,
    IndexExpressionAst,
    LabeledStatementAst,
    MemberExpressionAst,
    NamedBlockAst,
    ParamBlockAst,
    ParameterAst,
    ReturnStatementAst,
    ScriptBlockAst,
    StringConstantExpressionAst,
    SwitchStatementAst,
    TrapStatementAst,
    TryStatementAst,
    TypeConstraintAst,
    TypeDefinitionAst,
    UnaryExpressionAst,
    UnaryOperator,
    UsingExpressionAst,
    UsingStatementAst,
    VariableExpressionAst,
    children,
)
from harness.twin.shell.parser.classes import check_method, check_return, owning_member
from harness.twin.shell.parser.constants import is_constant
from harness.twin.shell.parser.core import before
from harness.twin.shell.parser.data_section import check_data_section
from harness.twin.shell.parser.errors import ErrorLog
from harness.twin.shell.parser.exceptions import is_same_or_derived, known_exception
from harness.twin.shell.parser.targets import bad_targets, is_reference, plain_type_name
from harness.twin.shell.parser.typechecks import check_definition

_STEPS = {
    UnaryOperator.PREFIX_INCREMENT: "++",
    UnaryOperator.POSTFIX_INCREMENT: "++",
    UnaryOperator.PREFIX_DECREMENT: "--",
    UnaryOperator.POSTFIX_DECREMENT: "--",
}
_LOOPS = tuple(kind for kind in LabeledStatementAst.__subclasses__() if kind is not SwitchStatementAst)
_USING_KINDS = ("namespace", "module", "assembly")


class TreeCheck:
    """One walk over a tree; ``parents`` are the nodes above the one being looked at, the root first."""

    def __init__(self, log: ErrorLog) -> None:
        self.log = log
        self.parents: list[Ast] = []

    def visit(self, node: Ast) -> None:
        """Check a node and everything below it."""
        check = _CHECKS.get(type(node))
        if check is not None:
            check(self, node)
        below = children(node)
        if below:
            self.parents.append(node)
            for child in below:
                self.visit(child)
            self.parents.pop()

    def report(self, node: Ast, error_id: str, *arguments: str) -> None:
        """An error at a node."""
        self.log.report(node.extent, error_id, *arguments)

    def _parent(self, steps: int = 1) -> Ast | None:
        return self.parents[-steps] if len(self.parents) >= steps else None

    def _in_workflow(self) -> bool:
        return any(isinstance(node, FunctionDefinitionAst) and node.is_workflow for node in self.parents)

    # --- parameters, functions, attributes

    def _check_parameters(self, parameters: tuple[ParameterAst, ...]) -> None:
        seen: set[str] = set()
        for parameter in parameters:
            name = parameter.name.path.text
            if name.lower() in seen:
                self.report(parameter.name, "DuplicateFormalParameter", name)
            seen.add(name.lower())
            for attribute in parameter.attributes:
                is_type = isinstance(attribute, TypeConstraintAst)
                if is_type and plain_type_name(attribute.type_name.full_name) == "void":
                    self.report(attribute, "VoidTypeConstraintNotAllowed")

    def check_param_block(self, node: ParamBlockAst) -> None:
        self._check_parameters(node.parameters)

    def check_function(self, node: FunctionDefinitionAst) -> None:
        if not node.parameters:
            return
        if node.body.param_block is not None:
            self.report(node.body.param_block, "OnlyOneParameterListAllowed")
        else:
            self._check_parameters(node.parameters)

    def check_parameter(self, node: ParameterAst) -> None:
        types = [attribute for attribute in node.attributes if isinstance(attribute, TypeConstraintAst)]
        for attribute in types:
            if attribute.type_name.full_name.lower() == "ordered":
                self.report(attribute, "OrderedAttributeOnlyOnHashLiteralNode", attribute.type_name.full_name)
        if isinstance(self._parent(), FunctionMemberAst):
            for attribute in types[1:]:
                self.report(attribute, "MultipleTypeConstraintsOnMethodParam")

    def check_attribute(self, node: AttributeAst) -> None:
        in_class = owning_member(self.parents) is not None
        error_id = "ParameterAttributeArgumentNeedsToBeConstant"
        error_id += "" if in_class else "OrScriptBlock"
        seen: set[str] = set()
        for named in node.named_arguments:
            if named.name.lower() in seen:
                self.report(named, "DuplicateNamedArgument", named.name)
            elif named.argument is not None and not is_constant(named.argument, script_blocks=not in_class):
                self.report(named.argument, error_id)
            seen.add(named.name.lower())
        for value in node.positional_arguments:
            if not is_constant(value, script_blocks=not in_class):
                self.report(value, error_id)

    def check_method(self, node: FunctionMemberAst) -> None:
        check_method(node, self.report)

    def check_definition(self, node: TypeDefinitionAst) -> None:
        check_definition(node, self.report)

    # --- statements

    def check_switch(self, node: SwitchStatementAst) -> None:
        if node.flags.parallel and not self._in_workflow():
            self.report(node, "ParallelNotSupported")

    def check_foreach(self, node: ForEachStatementAst) -> None:
        if node.parallel and not self._in_workflow():
            self.report(node, "ParallelNotSupported")
        if node.throttle_limit is not None and not node.parallel:
            self.report(node, "ThrottleLimitRequresParallelFlag")

    def check_try(self, node: TryStatementAst) -> None:
        for index, clause in enumerate(node.catches):
            for later in node.catches[index + 1 :]:
                if not clause.types:
                    self.log.report(before(later), "EmptyCatchNotLast")
                    break
                for caught in clause.types:
                    self._check_caught_again(caught, later.types)

    def _check_caught_again(self, caught: TypeConstraintAst, later: tuple[TypeConstraintAst, ...]) -> None:
        base = known_exception(caught.type_name.full_name)
        for constraint in later:
            name = known_exception(constraint.type_name.full_name)
            if base is not None and name is not None and is_same_or_derived(name, base):
                self.report(constraint, "ExceptionTypeAlreadyCaught", name)

    def check_jump(self, node: BreakStatementAst | ContinueStatementAst) -> None:
        label: str | None = ""
        if node.label is not None:
            label = node.label.value if isinstance(node.label, StringConstantExpressionAst) else None
        self._check_leaves_finally(node, label)
        if label:
            self._check_label(node, label)

    def _check_leaves_finally(self, node: Ast, label: str | None) -> None:
        for index in range(len(self.parents) - 1, 0, -1):
            parent = self.parents[index]
            if isinstance(parent, (NamedBlockAst, TrapStatementAst, ScriptBlockAst)):
                return
            if label is not None and isinstance(parent, _LOOPS) and label.lower() in ("", _label_of(parent)):
                return
            above = self.parents[index - 1]
            if isinstance(above, TryStatementAst) and above.final is parent:
                self.report(node, "ControlLeavingFinally")
                return

    def _check_label(self, node: Ast, label: str) -> None:
        for parent in reversed(self.parents):
            if isinstance(parent, FunctionMemberAst):
                self.report(node, "LabelNotFound", label)
                return
            if isinstance(parent, FunctionDefinitionAst):
                return
            if isinstance(parent, _LOOPS) and _label_of(parent) == label.lower():
                return

    def check_return(self, node: ReturnStatementAst) -> None:
        self._check_leaves_finally(node, None)
        check_return(node, owning_member(self.parents), self.report)

    def check_assignment(self, node: AssignmentStatementAst) -> None:
        simple = node.operator is AssignmentOperator.EQUALS
        for target, error_id in bad_targets(node.left, simple=simple):
            self.report(target, error_id or "InvalidLeftHandSide")

    def check_workflow_block(self, node: BlockStatementAst) -> None:
        if not self._in_workflow():
            start = node.extent.start
            keyword = type(node.extent)(start, start + len(node.kind))
            self.log.report(keyword, "UnexpectedKeyword", node.kind)

    def check_using(self, node: UsingStatementAst) -> None:
        if node.kind not in _USING_KINDS or node.alias is not None:
            self.report(node, "UsingStatementNotSupported")

    def check_data(self, node: DataStatementAst) -> None:
        check_data_section(node, self.report)

    # --- expressions

    def check_unary(self, node: UnaryExpressionAst) -> None:
        step = _STEPS.get(node.operator)
        if step is not None:
            for target, error_id in bad_targets(node.child, simple=False):
                self.report(target, error_id or "OperatorRequiresVariableOrProperty", step)

    def check_convert(self, node: ConvertExpressionAst) -> None:
        name = node.type_name.full_name
        if name.lower() == "ordered" and not isinstance(node.child, HashtableAst):
            self.report(node, "OrderedAttributeOnlyOnHashLiteralNode", name)
        if not is_reference(node):
            return
        child: ExpressionAst = node.child
        while isinstance(child, AttributedExpressionAst):
            if is_reference(child):
                self.report(child.attribute, "ReferenceNeedsToBeByItselfInTypeSequence")
            child = child.child

    def check_attributed(self, node: AttributedExpressionAst) -> None:
        child: ExpressionAst = node.child
        while isinstance(child, AttributedExpressionAst):
            child = child.child
        if not isinstance(child, VariableExpressionAst):
            self.report(node.attribute, "UnexpectedAttribute", node.attribute.type_name.full_name)

    def check_using_expression(self, node: UsingExpressionAst) -> None:
        child = node.child
        while not isinstance(child, VariableExpressionAst):
            if isinstance(child, IndexExpressionAst):
                if not is_constant(child.index):
                    self.report(child.index, "InvalidUsingExpression")
                    return
                child = child.target
            elif type(child) is MemberExpressionAst and isinstance(child.member, StringConstantExpressionAst):
                child = child.target
            else:
                self.report(child, "InvalidUsingExpression")
                return

    def check_variable(self, node: VariableExpressionAst) -> None:
        if node.splatted:
            self._check_splatted(node)
        if node.path.text.lower() == "this":
            member = owning_member(self.parents)
            if member is not None and member.is_static:
                self.report(node, "NonStaticMemberAccessInStaticMember", node.path.text)

    def _check_splatted(self, node: VariableExpressionAst) -> None:
        parent = self._parent()
        if isinstance(parent, (CommandAst, UsingExpressionAst)):
            return
        in_list = isinstance(parent, ArrayLiteralAst) and isinstance(self._parent(2), CommandAst)
        error_id = "SplattingNotPermittedInArgumentList" if in_list else "SplattingNotPermitted"
        self.report(node, error_id, node.path.text)

    def check_hashtable(self, node: HashtableAst) -> None:
        seen: set[str] = set()
        for key, _ in node.pairs:
            if isinstance(key, (StringConstantExpressionAst, ConstantExpressionAst)):
                text = str(key.value)
                if text.lower() in seen:
                    self.report(key, "DuplicateKeyInHashLiteral", text)
                seen.add(text.lower())


def _label_of(node: Ast) -> str:
    return (node.label or "").lower() if isinstance(node, LabeledStatementAst) else ""


_CHECKS: dict[type[Ast], Callable[[TreeCheck, Any], None]] = {
    ParamBlockAst: TreeCheck.check_param_block,
    FunctionDefinitionAst: TreeCheck.check_function,
    ParameterAst: TreeCheck.check_parameter,
    AttributeAst: TreeCheck.check_attribute,
    FunctionMemberAst: TreeCheck.check_method,
    TypeDefinitionAst: TreeCheck.check_definition,
    SwitchStatementAst: TreeCheck.check_switch,
    ForEachStatementAst: TreeCheck.check_foreach,
    TryStatementAst: TreeCheck.check_try,
    BreakStatementAst: TreeCheck.check_jump,
    ContinueStatementAst: TreeCheck.check_jump,
    ReturnStatementAst: TreeCheck.check_return,
    AssignmentStatementAst: TreeCheck.check_assignment,
    BlockStatementAst: TreeCheck.check_workflow_block,
    UsingStatementAst: TreeCheck.check_using,
    DataStatementAst: TreeCheck.check_data,
    UnaryExpressionAst: TreeCheck.check_unary,
    ConvertExpressionAst: TreeCheck.check_convert,
    AttributedExpressionAst: TreeCheck.check_attributed,
    UsingExpressionAst: TreeCheck.check_using_expression,
    VariableExpressionAst: TreeCheck.check_variable,
    HashtableAst: TreeCheck.check_hashtable,
}
