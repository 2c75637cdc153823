"""Sphinx's settings for the site. site/build.py hands it the sources and names the folder."""

from typing import Any

from ipython_pygments_lexers import IPython3Lexer
from pygments.lexer import bygroups, using
from pygments.lexers.javascript import JavascriptLexer
from pygments.lexers.python import Python3Lexer
from pygments.token import Keyword, Operator, String

project = "minirt"
author = "the minirt authors"
language = "en"

extensions = ["myst_nb"]
exclude_patterns: list[str] = []

# What the notebooks keep is what the pages show. Nothing is run, and no page asks another host.
nb_execution_mode = "off"
nb_ipywidgets_js: dict[str, Any] = {}
nb_merge_streams = True
# An output that answers a question is closed until a reader has chosen.
nb_code_prompt_show = "Show what it prints"
nb_code_prompt_hide = "Hide what it prints"
myst_enable_extensions: list[str] = []
myst_heading_anchors = 3

html_theme = "furo"
html_title = "minirt"
html_favicon = "static/favicon.svg"
html_static_path = ["static"]
html_css_files = ["widgets.css", "site.css"]
html_js_files = [("widgets.js", {"defer": "defer"}), ("site.js", {"defer": "defer"})]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_use_index = False
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "github-dark"


class CellLexer(IPython3Lexer):
    """IPython's lexer knows the body of its own cell magics only; these are the chapters'."""

    tokens = {  # noqa: RUF012 - Pygments reads it from the class
        **IPython3Lexer.tokens,
        "root": [
            (
                r"(?s)(%%)(minirt|exercise)\b([^\n]*\n)(.*)",
                bygroups(Operator, Keyword, String, using(Python3Lexer)),
            ),
            (
                r"(?s)(%%)(node)\b([^\n]*\n)(.*)",
                bygroups(Operator, Keyword, String, using(JavascriptLexer)),
            ),
            *IPython3Lexer.tokens["root"],
        ],
    }


def setup(app: Any) -> None:
    app.add_lexer("ipython3", CellLexer)
