"""Documents without the values that a service model marks as sensitive, as CloudTrail records them.

CloudTrail documents the text that it puts in place of a value, but not which members these are; that they are those that the
service's model marks as sensitive is UNCONFIRMED.
"""

from collections.abc import Callable
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"

Hide = Callable[[Any], Any]
"""Takes a document, and returns one in which `HIDDEN` replaces each sensitive value."""


def compile_hide(shape: Shape | None, enclosing: frozenset[str] = frozenset()) -> Hide | None:
    """Compile the function for documents of a shape, or return None if nothing in them is sensitive.

    `enclosing` has the names of the shapes around it: no shape that contains itself is sensitive.
    """
    if shape is None or shape.name in enclosing:
        return None
    if shape.metadata.get("sensitive"):
        return _hide
    inner = enclosing | {shape.name}
    if isinstance(shape, StructureShape):
        return _build_structure_hide(shape, inner)
    if isinstance(shape, ListShape):
        hide_item = compile_hide(shape.member, inner)
        return hide_item and (lambda items: [hide_item(item) for item in items])
    if isinstance(shape, MapShape):
        hide_value = compile_hide(shape.value, inner)
        return hide_value and (lambda items: {key: hide_value(value) for key, value in items.items()})
    return None


def _hide(_value: Any) -> str:
    return HIDDEN


def _build_structure_hide(shape: StructureShape, enclosing: frozenset[str]) -> Hide | None:
    """Return the function for a structure, whose members have their names in the model or on the wire."""
    functions: dict[str, Hide] = {}
    for name, member in shape.members.items():
        hide = compile_hide(member, enclosing)
        if hide is not None:
            functions |= dict.fromkeys((name, str(member.serialization.get("name", name))), hide)
    if not functions:
        return None
    return lambda members: {
        name: functions[name](value) if name in functions else value for name, value in members.items()
    }
