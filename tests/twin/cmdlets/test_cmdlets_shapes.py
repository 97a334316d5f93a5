"""Objects made by shape: rows that unfold into members when somebody asks for those."""

from __future__ import annotations

import pytest

from harness.twin.cmdlets.shapes import Later, Shape
from harness.twin.shell.objects import NoteProperty, PSObject
from harness.twin.shell.text import to_text

STEP = Shape("Models.Step", "Name Status Steps")


def make(steps: object = ()) -> PSObject:
    return STEP.make("Install", "Success", steps, text="the step")


def test_a_property_is_read_whether_or_not_the_object_is_unfolded() -> None:
    made = make()
    before = list(made.properties())
    assert made.row is not None
    assert made.get("STATUS") == "Success"
    assert made.row is None
    assert list(made.properties()) == before == [("Name", "Install"), ("Status", "Success"), ("Steps", ())]


def test_its_text_is_its_own_and_does_not_unfold_it() -> None:
    made = make()
    assert to_text(made) == "the step"
    assert made.row is not None


def test_what_is_set_or_added_belongs_to_the_one_object() -> None:
    made, other = make(), make()
    made.set("Status", "Error")
    made.members["node"] = NoteProperty("Node", "NODE01")
    assert [name for name, _ in made.properties()] == ["Name", "Status", "Steps", "Node"]
    assert (made.get("Status"), other.get("Status"), other.get("Node")) == ("Error", "Success", None)


def test_a_later_value_is_computed_once_when_it_is_first_read() -> None:
    computed: list[int] = []
    made = make(Later(lambda: computed.append(1) or ["step"]))
    assert made.get("Name") == "Install"
    assert not computed
    assert made.get("Steps") == made.copy().get("Steps") == ["step"]
    assert dict(made.properties())["Steps"] == ["step"]
    assert computed == [1]


@pytest.mark.parametrize("values", [("Install",), ("Install", "Success", (), "more")])
def test_a_shape_takes_as_many_values_as_it_has_properties(values: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match=r"Models\.Step has 3 properties"):
        STEP.make(*values)
