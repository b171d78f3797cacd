"""What a plan is asked for."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from reconciler.model.address import Address


@frozen
class LimitOverride:
    """What one run allows in place of the file's limits: a count, or per cent of what the workspace owns."""

    text: str
    count: int | None = None
    percent: float | None = None

    @classmethod
    def parse(cls, text: str) -> LimitOverride:
        """`50` or `10%`. Raises ValueError."""
        digits = text.strip().removesuffix("%")
        if not (digits.isascii() and digits.isdigit()) or len(digits) > 9:  # noqa: PLR2004 (more than any fleet has)
            raise ValueError(f"{text!r} is no limit; expected a number such as 50, or a part such as 10%")
        if not text.strip().endswith("%"):
            return cls(digits, count=int(digits))
        if int(digits) > 100:  # noqa: PLR2004 (per cent)
            raise ValueError(f"{text!r} is more than all; expected at most 100%")
        return cls(f"{digits} %", percent=float(digits))


@frozen
class PlanOptions:
    """What a plan is asked for.

    `destroy` plans the removal of all that the workspace owns; `adopt` names unmarked resources that it may take over;
    `wave` is how many per cent of the rotations will be made at a time; `allowed` is what this run allows in place of the
    file's limits, by action. Of the changes only those are made that `select`
    names (all, where it names none) and `exclude` does not; both hold selectors as `engine.selection` reads them.
    """

    destroy: bool = False
    adopt: frozenset[Address] = frozenset()
    wave_percent: float = 100.0
    limit_overrides: Mapping[str, LimitOverride] = field(factory=dict)
    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @property
    def is_partial(self) -> bool:
        """Whether it asks for a part of the changes."""
        return bool(self.select or self.exclude)
