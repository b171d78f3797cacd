"""What is wrong with one value, on its way to becoming a `Mistake` with a place."""

from __future__ import annotations

from collections.abc import Sequence


class Wrong(ValueError):  # noqa: N818 (it never leaves the loading of a file)
    """A value that is not what its field takes. `path` leads to it from where it is raised."""

    def __init__(
        self,
        problem: str,
        expected: str | None = None,
        nearest: str | None = None,
        path: tuple[str | int, ...] = (),
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.expected = expected
        self.nearest = nearest
        self.path = path

    def under(self, *path: str | int) -> Wrong:
        """The same, seen from further out."""
        return Wrong(self.problem, self.expected, self.nearest, (*path, *self.path))


class Wrongs(ValueError):  # noqa: N818 (it never leaves the loading of a file)
    """Several at once."""

    def __init__(self, found: Sequence[Wrong]) -> None:
        super().__init__(f"{len(found)} wrong values")
        self.found = tuple(found)
