"""Counts and percentages, as options have them: `50` or `10%`."""

from __future__ import annotations

MAX_PERCENT = 100
_MAX_DIGITS = 9


def parse_amount(text: str, noun: str) -> tuple[int, bool]:
    """Return a count and False, or a percentage and True.

    Raises ValueError, which calls the text `noun`.
    """
    digits = text.strip().removesuffix("%")
    is_percentage = text.strip().endswith("%")
    is_amount = digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS
    if not is_amount or (is_percentage and int(digits) > MAX_PERCENT):
        raise ValueError(
            f"{text!r} is not a valid {noun}; expected a count such as 50 or a percentage such as 10%, at most 100%"
        )
    return int(digits), is_percentage
