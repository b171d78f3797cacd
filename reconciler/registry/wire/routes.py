"""HTTP method and path → operation, through a tree of path segments.

Law: a literal segment is preferred to a label, a label to a greedy one; when the preferred branch leads nowhere the next
is tried. Segments are compared and captured after percent-decoding, so an encoded slash stays inside its label. A label is
never empty, and a slash at the end counts: a name that was left out by mistake must not turn into a list.
"""

from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

from attrs import Factory, define

Target = TypeVar("Target")


@define
class _Node(Generic[Target]):
    literals: "dict[str, _Node[Target]]" = Factory(dict)
    label: "_Node[Target] | None" = None
    target: Target | None = None
    names: tuple[str, ...] = ()
    greedy: tuple[Target, tuple[str, ...]] | None = None


class Routes(Generic[Target]):
    """The routes of one service."""

    def __init__(self) -> None:
        self._methods: dict[str, _Node[Target]] = {}

    def add(self, method: str, template: str, target: Target) -> None:
        """Add a URI template such as `/things/{thingName}/principals` or `/destinations/{arn+}`.

        Raises ValueError when another target has the same method and template.
        """
        node = self._methods.setdefault(method, _Node())
        names: list[str] = []
        for segment in template.partition("?")[0].removeprefix("/").split("/"):
            if not segment.startswith("{"):
                node = node.literals.setdefault(segment, _Node())
                continue
            names.append(segment.strip("{+}"))
            if segment.endswith("+}"):
                node.greedy = (target, tuple(names))
                return
            node.label = node.label or _Node()
            node = node.label
        if node.target is not None:
            raise ValueError(f"two operations at {method} {template}")
        node.target, node.names = target, tuple(names)

    def find(self, method: str, segments: Sequence[str]) -> tuple[Target, Mapping[str, str]] | None:
        """Give the target and the labels' values, or None when no template matches."""
        root = self._methods.get(method)
        return None if root is None else _find(root, segments, 0, ())


def _find(
    node: _Node[Target], segments: Sequence[str], at: int, captured: tuple[str, ...]
) -> tuple[Target, Mapping[str, str]] | None:
    if at == len(segments):
        return None if node.target is None else (node.target, dict(zip(node.names, captured, strict=True)))
    segment = segments[at]
    found = None
    if (literal := node.literals.get(segment)) is not None:
        found = _find(literal, segments, at + 1, captured)
    if found is None and node.label is not None and segment:
        found = _find(node.label, segments, at + 1, (*captured, segment))
    if found is None and node.greedy is not None:
        target, names = node.greedy
        found = (target, dict(zip(names, (*captured, "/".join(segments[at:])), strict=True)))
    return found
