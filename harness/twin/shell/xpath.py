"""XPath 1.0, the part that scripts use: paths, predicates, comparisons, the common functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from xml.dom import Node

Value = list[Any] | str | float | bool
Eval = Callable[[Any, int, int], Value]
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<literal>\"[^\"]*\"|'[^']*')|(?P<number>\d+(?:\.\d+)?)|(?P<op>//|::|\.\.|!=|<=|>=|[/@\[\]()=<>|,.*+\-])"
    r"|(?P<name>[\w][\w.\-]*(?::(?!:)(?:[\w][\w.\-]*|\*))?))"
)


class BadXPathError(Exception):
    """A path that .NET rejects (``XPathException``)."""


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    plain = text.rstrip()
    while at < len(plain):
        match = _TOKEN.match(plain, at)
        if match is None:
            raise BadXPathError(f"'{text}' has an invalid token.")
        kind = match.lastgroup or ""
        found.append((kind, match.group(kind)))
        at = match.end()
    return found


def children(node: Any) -> list[Any]:
    """Child nodes, without the document type."""
    return [child for child in node.childNodes if child.nodeType != Node.DOCUMENT_TYPE_NODE]


def text_of(node: Any) -> str:
    """The string value of a node."""
    if node.nodeType in (Node.TEXT_NODE, Node.CDATA_SECTION_NODE, Node.COMMENT_NODE):
        return str(node.data)
    if node.nodeType == Node.ATTRIBUTE_NODE:
        return str(node.value)
    kinds = (Node.ELEMENT_NODE, Node.TEXT_NODE, Node.CDATA_SECTION_NODE)
    return "".join(text_of(child) for child in node.childNodes if child.nodeType in kinds)


def as_text(value: Value) -> str:
    """A value as text."""
    if isinstance(value, list):
        return text_of(value[0]) if value else ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value == int(value) else str(value)
    return value


def as_number(value: Value) -> float:
    """A value as a number."""
    if isinstance(value, bool | float):
        return float(value)
    try:
        return float(as_text(value).strip())
    except ValueError:
        return float("nan")


def as_bool(value: Value) -> bool:
    """A value as a condition."""
    return bool(value)


def _compare(left: Value, right: Value, test: Callable[[Any, Any], bool], ordered: bool) -> bool:
    if isinstance(left, list) and isinstance(right, list):
        return any(test(text_of(one), text_of(other)) for one in left for other in right)
    if isinstance(left, list):
        return any(_scalar(text_of(one), right, test, ordered) for one in left)
    if isinstance(right, list):
        return any(_scalar(left, text_of(one), test, ordered) for one in right)
    return _scalar(left, right, test, ordered)


def _scalar(left: Value, right: Value, test: Callable[[Any, Any], bool], ordered: bool) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return test(as_bool(left), as_bool(right))
    if ordered or isinstance(left, float) or isinstance(right, float):
        return test(as_number(left), as_number(right))
    return test(as_text(left), as_text(right))


_TESTS: Final[dict[str, tuple[Callable[[Any, Any], bool], bool]]] = {
    "=": (lambda a, b: bool(a == b), False),
    "!=": (lambda a, b: bool(a != b), False),
    "<": (lambda a, b: bool(a < b), True),
    ">": (lambda a, b: bool(a > b), True),
    "<=": (lambda a, b: bool(a <= b), True),
    ">=": (lambda a, b: bool(a >= b), True),
}


class _Parser:
    """Recursive descent over the tokens of one path."""

    def __init__(self, text: str, namespaces: Mapping[str, str]) -> None:
        self.text = text
        self.namespaces = namespaces
        self.tokens = _tokens(text)
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def kind(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def take(self, wanted: str = "") -> str:
        if self.at >= len(self.tokens) or (wanted and self.peek() != wanted):
            raise BadXPathError(f"'{self.text}' has an invalid token.")
        self.at += 1
        return self.tokens[self.at - 1][1]

    def parse(self) -> Eval:
        found = self.either()
        if self.at < len(self.tokens):
            raise BadXPathError(f"'{self.text}' has an invalid token.")
        return found

    def either(self) -> Eval:
        left = self.both()
        while self.peek() == "or" and self.kind() == "name":
            self.take()
            left = _logic(left, self.both(), any)
        return left

    def both(self) -> Eval:
        left = self.relation()
        while self.peek() == "and" and self.kind() == "name":
            self.take()
            left = _logic(left, self.relation(), all)
        return left

    def relation(self) -> Eval:
        left = self.union()
        while self.kind() == "op" and self.peek() in _TESTS:
            test, ordered = _TESTS[self.take()]
            left = _relation(left, self.union(), test, ordered)
        return left

    def union(self) -> Eval:
        left = self.primary()
        while self.peek() == "|":
            self.take()
            left = _union(left, self.primary())
        return left

    def primary(self) -> Eval:
        kind, word = self.kind(), self.peek()
        if kind == "literal":
            self.take()
            return lambda _node, _at, _size: word[1:-1]
        if kind == "number":
            self.take()
            return lambda _node, _at, _size: float(word)
        if word == "(":
            self.take()
            inner = self.either()
            self.take(")")
            return inner
        following = self.tokens[self.at + 1][1] if self.at + 1 < len(self.tokens) else ""
        if kind == "name" and following == "(" and word not in ("text", "node", "comment"):
            return self.function()
        return self.path()

    def function(self) -> Eval:
        name = self.take()
        self.take("(")
        arguments: list[Eval] = []
        while self.peek() != ")":
            arguments.append(self.either())
            if self.peek() == ",":
                self.take()
        self.take(")")
        return _function(name, arguments, self.text)

    def path(self) -> Eval:
        steps: list[tuple[str, Callable[[Any], bool], list[Eval]]] = []
        absolute = self.peek() in ("/", "//")
        if self.peek() == "/":
            self.take()
            if self.kind() not in ("name", "op") or self.peek() in ("]", ")", ",", "|", ""):
                return lambda node, _at, _size: [_root(node)]
        while True:
            if self.peek() == "//":
                self.take()
                steps.append(("descendants", lambda _node: True, []))
            steps.append(self.step())
            if self.peek() == "/":
                self.take()
            elif self.peek() != "//":
                break
        return lambda node, _at, _size: _walk([_root(node)] if absolute else [node], steps)

    def step(self) -> tuple[str, Callable[[Any], bool], list[Eval]]:
        axis = "child"
        if self.peek() == ".":
            self.take()
            return "self", lambda _node: True, self.predicates()
        if self.peek() == "..":
            self.take()
            return "parent", lambda _node: True, self.predicates()
        if self.peek() == "@":
            self.take()
            axis = "attribute"
        elif self.at + 1 < len(self.tokens) and self.tokens[self.at + 1][1] == "::":
            axis = self.take()
            self.take("::")
        if self.kind() != "name" and self.peek() != "*":
            raise BadXPathError(f"'{self.text}' has an invalid token.")
        name = self.take()
        if name in ("text", "node", "comment") and self.peek() == "(":
            self.take("(")
            self.take(")")
            kinds = {"text": (Node.TEXT_NODE, Node.CDATA_SECTION_NODE), "comment": (Node.COMMENT_NODE,), "node": ()}[
                name
            ]
            return axis, lambda node: not kinds or node.nodeType in kinds, self.predicates()
        return axis, self.name_test(name, axis), self.predicates()

    def name_test(self, name: str, axis: str) -> Callable[[Any], bool]:
        kind = Node.ATTRIBUTE_NODE if axis == "attribute" else Node.ELEMENT_NODE
        if name == "*":
            return lambda node: bool(node.nodeType == kind)
        prefix, _, local = name.rpartition(":")
        space = self.namespaces.get(prefix) if prefix else None
        if prefix and space is None:
            raise BadXPathError(
                "Namespace Manager or XsltContext needed. This query has a prefix, variable, or user-defined function."
            )

        def test(node: Any) -> bool:
            if node.nodeType != kind or (node.localName or node.nodeName) != local:
                return False
            return (node.namespaceURI or None) == space

        return test

    def predicates(self) -> list[Eval]:
        found = []
        while self.peek() == "[":
            self.take()
            found.append(self.either())
            self.take("]")
        return found


def _logic(left: Eval, right: Eval, combine: Callable[[list[bool]], bool]) -> Eval:
    return lambda node, at, size: combine([as_bool(left(node, at, size)), as_bool(right(node, at, size))])


def _relation(left: Eval, right: Eval, test: Callable[[Any, Any], bool], ordered: bool) -> Eval:
    return lambda node, at, size: _compare(left(node, at, size), right(node, at, size), test, ordered)


def _union(left: Eval, right: Eval) -> Eval:
    def both(node: Any, at: int, size: int) -> Value:
        first, second = left(node, at, size), right(node, at, size)
        nodes = [*(first if isinstance(first, list) else []), *(second if isinstance(second, list) else [])]
        return list(dict.fromkeys(nodes))

    return both


def _root(node: Any) -> Any:
    if node.nodeType == Node.DOCUMENT_NODE:
        return node
    return node.ownerDocument or node


def _axis(node: Any, axis: str) -> Sequence[Any]:
    if axis == "child":
        return children(node)
    if axis == "attribute":
        table = node.attributes
        return [table.item(at) for at in range(table.length)] if table is not None else []
    if axis == "self":
        return [node]
    if axis == "parent":
        up = node.ownerElement if node.nodeType == Node.ATTRIBUTE_NODE else node.parentNode
        return [up] if up is not None else []
    if axis in ("descendants", "descendant-or-self", "descendant"):
        found = [] if axis == "descendant" else [node]
        for child in children(node):
            found.extend(_axis(child, "descendants"))
        return found
    if axis in ("ancestor", "ancestor-or-self"):
        found = [node] if axis == "ancestor-or-self" else []
        up = node.parentNode
        while up is not None:
            found.append(up)
            up = up.parentNode
        return found
    siblings = children(node.parentNode) if node.parentNode is not None else []
    place = next((at for at, one in enumerate(siblings) if one is node), 0)
    if axis == "following-sibling":
        return siblings[place + 1 :]
    if axis == "preceding-sibling":
        return siblings[:place][::-1]
    raise BadXPathError(f"'{axis}' is an invalid axis.")


def _walk(nodes: list[Any], steps: list[tuple[str, Callable[[Any], bool], list[Eval]]]) -> list[Any]:
    for axis, test, predicates in steps:
        found: list[Any] = []
        for node in nodes:
            chosen = [one for one in _axis(node, axis) if test(one)]
            for predicate in predicates:
                size = len(chosen)
                chosen = [one for at, one in enumerate(chosen, 1) if _holds(predicate(one, at, size), at)]
            found.extend(chosen)
        nodes = list({id(one): one for one in found}.values())
    return nodes


def _holds(value: Value, at: int) -> bool:
    if isinstance(value, float) and not isinstance(value, bool):
        return value == at
    return as_bool(value)


def _function(name: str, arguments: list[Eval], text: str) -> Eval:
    def value(index: int, node: Any, at: int, size: int) -> Value:
        return arguments[index](node, at, size) if index < len(arguments) else [node]

    def node_of(node: Any, at: int, size: int) -> Any:
        found = value(0, node, at, size)
        return found[0] if isinstance(found, list) and found else None

    table: dict[str, Eval] = {
        "last": lambda _node, _at, size: float(size),
        "position": lambda _node, at, _size: float(at),
        "count": lambda node, at, size: (
            float(len(found)) if isinstance(found := value(0, node, at, size), list) else 0.0
        ),
        "not": lambda node, at, size: not as_bool(value(0, node, at, size)),
        "true": lambda _node, _at, _size: True,
        "false": lambda _node, _at, _size: False,
        "string": lambda node, at, size: as_text(value(0, node, at, size)),
        "number": lambda node, at, size: as_number(value(0, node, at, size)),
        "normalize-space": lambda node, at, size: " ".join(as_text(value(0, node, at, size)).split()),
        "string-length": lambda node, at, size: float(len(as_text(value(0, node, at, size)))),
        "contains": lambda node, at, size: as_text(value(1, node, at, size)) in as_text(value(0, node, at, size)),
        "starts-with": lambda node, at, size: as_text(value(0, node, at, size)).startswith(
            as_text(value(1, node, at, size))
        ),
        "local-name": lambda node, at, size: str(
            getattr(one := node_of(node, at, size), "localName", "") or getattr(one, "nodeName", "")
        ),
        "name": lambda node, at, size: str(getattr(node_of(node, at, size), "nodeName", "")),
        "concat": lambda node, at, size: "".join(as_text(one(node, at, size)) for one in arguments),
        "sum": lambda node, at, size: (
            sum((as_number([one]) for one in found), 0.0)
            if isinstance(found := value(0, node, at, size), list)
            else 0.0
        ),
        "translate": lambda node, at, size: as_text(value(0, node, at, size)).translate(
            _mapping(as_text(value(1, node, at, size)), as_text(value(2, node, at, size)))
        ),
    }
    if name not in table:
        raise BadXPathError(f"'{text}' has an unknown function: {name}.")
    return table[name]


def _mapping(source: str, target: str) -> dict[int, str | None]:
    return {ord(letter): target[at] if at < len(target) else None for at, letter in enumerate(source)}


def select(node: Any, path: str, namespaces: Mapping[str, str] | None = None) -> list[Any]:
    """The nodes of a path, in document order. Raises ``BadXPathError``."""
    found = _Parser(path, namespaces or {}).parse()(node, 1, 1)
    if not isinstance(found, list):
        raise BadXPathError("Expression must evaluate to a node-set.")
    return found
