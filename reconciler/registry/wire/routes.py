"""HTTP method and path → operation, through a tree of path segments.

Invariant: a literal segment takes precedence over a label (`{name}`, one segment), and a label over a greedy label
(`{name+}`, all segments that remain); if a branch does not match, the next one is tried. Segments are percent-decoded after the
path was split, so an encoded slash stays inside its label. Only a greedy label can be empty, and a trailing slash counts: a
request whose name is missing must not become a list request.
"""

from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

from attrs import Factory, define

Target = TypeVar("Target")


@define
class _Node(Generic[Target]):
    """A node of the tree: its branches, and the target of the template that ends here.

    `names` are the names of that template's labels. `greedy` is the target and the label names of the template that ends
    with a greedy label at this place.
    """

    literals: "dict[str, _Node[Target]]" = Factory(dict)
    label: "_Node[Target] | None" = None
    target: Target | None = None
    names: tuple[str, ...] = ()
    greedy: tuple[Target, tuple[str, ...]] | None = None


class Routes(Generic[Target]):
    """The routes of one service, each from a method and a URI template to a target."""

    def __init__(self) -> None:
        self._methods: dict[str, _Node[Target]] = {}

    def add(self, method: str, template: str, target: Target) -> None:
        """Add a URI template such as `/things/{thingName}/principals` or `/destinations/{arn+}`.

        Raises ValueError when another target has the same method and template; templates with a greedy label are not checked.
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
            raise ValueError(f"two operations have the route {method} {template}")
        node.target, node.names = target, tuple(names)

    def find(self, method: str, segments: Sequence[str]) -> tuple[Target, Mapping[str, str]] | None:
        """Return the target and the labels' values for decoded segments, or None when no template matches."""
        root = self._methods.get(method)
        return None if root is None else _find(root, segments, 0, ())


def _find(
    node: _Node[Target], segments: Sequence[str], position: int, captured: tuple[str, ...]
) -> tuple[Target, Mapping[str, str]] | None:
    """Match the segments from `position` on, below a node."""
    if position == len(segments):
        return None if node.target is None else (node.target, dict(zip(node.names, captured, strict=True)))
    segment = segments[position]
    literal = node.literals.get(segment)
    route = None if literal is None else _find(literal, segments, position + 1, captured)
    if route is None and node.label is not None and segment:
        route = _find(node.label, segments, position + 1, (*captured, segment))
    if route is None and node.greedy is not None:
        target, names = node.greedy
        rest = "/".join(segments[position:])
        route = (target, dict(zip(names, (*captured, rest), strict=True)))
    return route
