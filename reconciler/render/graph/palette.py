"""A color for each kind, whose hue follows from the kind's position in dependency order."""

from __future__ import annotations

import math

_GOLDEN_ANGLE_DEGREES = 137.508
"""The distance between the hues of consecutive kinds; with it, the hues of any number of kinds are far apart."""

_FIRST_HUE_DEGREES = 250.0
"""The hue of the first kind, a blue."""


def compute_color(position: int, *, lightness: float = 0.58, chroma: float = 0.11) -> str:
    """Compute the color of the kind at a position, as `#rrggbb`.

    The default lightness is readable on light and on dark backgrounds.
    """
    return _convert_oklch(lightness, chroma, _FIRST_HUE_DEGREES + position * _GOLDEN_ANGLE_DEGREES)


def _convert_oklch(lightness: float, chroma: float, hue: float) -> str:
    """Convert a color from OKLCH, with the hue in degrees, to sRGB as `#rrggbb`.

    A channel outside the range of sRGB is clipped. Source: B. Ottosson, "A perceptual color space for image processing".
    """
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    return "#" + "".join(f"{_to_byte(channel):02x}" for channel in linear)


def _to_byte(channel: float) -> int:
    clipped = min(1.0, max(0.0, channel))
    encoded = 12.92 * clipped if clipped <= 0.0031308 else 1.055 * clipped ** (1 / 2.4) - 0.055  # noqa: PLR2004 (sRGB)
    return round(255 * encoded)
