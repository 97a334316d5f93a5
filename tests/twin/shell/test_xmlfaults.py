"""What .NET says about malformed documents."""

from __future__ import annotations

from xml.parsers.expat import ExpatError

import pytest

from harness.twin.shell.dotnet.xmlfaults import fault_text
from harness.twin.shell.dotnet.xmlnodes import expat_text, parse_xml


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Root element is missing."),
        ("no xml", "Data at the root level is invalid. Line 1, position 1."),
        ("<a/>x", "Data at the root level is invalid. Line 1, position 5."),
        ("<a/>\n<b/>", "There are multiple root elements. Line 2, position 2."),
        (
            "<a><b>",
            "Unexpected end of file has occurred. The following elements are not closed: b, a. Line 1, position 7.",
        ),
        ("<a><b", "Unexpected end of file while parsing Name has occurred. Line 1, position 6."),
        (
            "<a>\n<b>\n</a>",
            "The 'b' start tag on line 2 position 2 does not match the end tag of 'a'. Line 3, position 3.",
        ),
        ("<a b=c/>", "'c' is an unexpected token. The expected token is '\"' or '''. Line 1, position 6."),
        ("<a>x & y</a>", "An error occurred while parsing EntityName. Line 1, position 7."),
        ("<a>&x;</a>", "Reference to undeclared entity 'x'. Line 1, position 5."),
        ('<a b="1" b="2"/>', "'b' is a duplicate attribute name. Line 1, position 10."),
        ("<x:a/>", "'x' is an undeclared prefix. Line 1, position 2."),
        ("</a>", "Unexpected end tag. Line 1, position 3."),
    ],
)
def test_text_of_a_fault(text: str, said: str) -> None:
    with pytest.raises(ExpatError) as caught:
        parse_xml(text)
    assert expat_text(text, caught.value) == said


def test_a_fault_without_a_rule_keeps_expats_words() -> None:
    assert fault_text("<a>\x00</a>", "strange thing", 1, 3) == "Strange thing. Line 1, position 4."
