"""Sphinx configuration: `make docs` builds the site in docs/_build/html."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import attrs
from pygments.lexer import RegexLexer, bygroups, using
from pygments.lexers.shell import BashLexer
from pygments.token import Generic
from sphinx.application import Sphinx

from reconciler import __version__

# Sphinx reads pages in this folder only, so the notebooks are copied into it.
DOCS = Path(__file__).parent
shutil.copytree(
    DOCS.parent / "notebooks",
    DOCS / "notebooks",
    ignore=shutil.ignore_patterns(".*", "*.sqlite3*"),
    dirs_exist_ok=True,
)

project = "reconciler"
author = "the authors of reconciler"
release = __version__
html_title = f"reconciler {__version__}"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["_build", "notebooks/pki", "notebooks/setup_codes"]
nitpicky = True
nitpick_ignore_regex = [
    ("py:class", ".*")
]  # types in signatures, of which most are not described in the documentation
default_role = "code"  # docstrings write code in single backticks, as in Markdown

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

# Notebooks are shown with the outputs that `make notebooks` stored. Nothing is loaded from other hosts.
nb_execution_mode = "off"
nb_ipywidgets_js = {}

autodoc_typehints = "description"
autodoc_member_order = "bysource"

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_show_copyright = False
pygments_dark_style = "a11y-high-contrast-dark"
html_copy_source = False
html_show_sourcelink = False
copybutton_prompt_text = r"\$ |> "
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = True
copybutton_here_doc_delimiter = "EOF"


class ConsoleLexer(RegexLexer):
    """Commands after `$ `, with continuation lines after `> `; all other lines are output.

    Pygments' own lexer takes a comment in the output, such as a line of a TOML file, for a command of root.
    """

    name = "console"
    tokens = {  # noqa: RUF012 (as in the base class)
        "root": [
            (r"^(\$ )(.*\n)", bygroups(Generic.Prompt, using(BashLexer)), "continuation"),
            (r"^.*\n", Generic.Output),
        ],
        "continuation": [
            (r"^(> |>(?=\n))(.*\n)", bygroups(Generic.Prompt, using(BashLexer))),
            (r"", Generic.Output, "#pop"),
        ],
    }


def setup(app: Sphinx) -> None:
    """Connect the lexer and the handler to Sphinx."""
    app.add_lexer("console", ConsoleLexer)
    app.connect("source-read", _deepen_links)
    app.connect("autodoc-process-signature", _hide_signature)
    app.connect("autodoc-process-signature", _forget_return_type, priority=900)  # after autodoc stored it


def _hide_signature(
    _app: Sphinx, what: str, _name: str, value: object, _options: object, _signature: str, _annotation: str
) -> tuple[str, None] | None:
    """Show value classes and exceptions without a signature: readers get instances, and create none."""
    is_created_by_readers = what != "exception" and not (isinstance(value, type) and attrs.has(value))
    return None if is_created_by_readers else ("", None)


def _forget_return_type(app: Sphinx, what: str, name: str, *_: object) -> None:
    """Show exceptions without the return type of `__init__`, as autodoc itself shows other classes."""
    if what == "exception":
        app.env.temp_data.get("annotations", {}).get(name, {}).pop("return", None)


def _deepen_links(_app: Sphinx, name: str, source: list[str]) -> None:
    """Make links from and to notebooks fit their copies, which are one folder deeper."""
    if name.startswith("notebooks/"):
        source[0] = re.sub(r"\]\(\.\./", "](../../", source[0])
    else:
        to_docs = "../" * name.count("/")
        source[0] = source[0].replace(f"](../{to_docs}notebooks/", f"]({to_docs}notebooks/")
