"""A picture of the dependency graph as HTML that fits, with its full size on request."""

from __future__ import annotations

import base64

import htpy as h

from reconciler.render.graph.picture import Picture
from reconciler.render.graph.svg import describe_picture, describe_title, render_svg


def render_graph_html(picture: Picture) -> h.Renderable:
    """Render a picture as an image that is at most as wide as its surroundings.

    The box "Full size" needs no script, so that it works in the HTML that nbconvert writes, too; the image then scrolls. Where a front
    end removes the box, the image still fits.
    """
    svg = base64.b64encode(render_svg(picture).encode()).decode()
    image = h.img(
        src=f"data:image/svg+xml;base64,{svg}",
        alt=f"{describe_title(picture)}: {describe_picture(picture)}",
        style="max-width: 100%; height: auto",
    )
    return h.div(".graph")[
        h.label(".quiet")[h.input(type="checkbox"), " Full size"],
        h.div(".picture", tabindex="0", role="group", aria_label="Dependency graph")[image],
    ]
