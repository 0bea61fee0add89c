"""The one place where text becomes HTML: what is put into a template is escaped.

A name, an error or a tensor's name comes from files that strangers write. So a template is never
an f-string: `html("<b>{}</b>", name)` escapes `name`, unless it is Markup made here itself. Plotly
reads tags such as <b> and <a> in a figure's words, so words for it go through `escape`.
"""

import html as entities
from collections.abc import Iterable

import gradio as gr
from markupsafe import Markup, escape

from qtdog.ui.no_stub import NoStubFile


def html(template: str, *values: object) -> Markup:
    """`template` (a literal, never put together) with its fields filled as by str.format; values
    that are not Markup are escaped, for text and for quoted attributes alike."""
    return Markup(template).format(*values)


def join(parts: Iterable[object], between: str = "") -> Markup:
    """The parts one after the other; those that are not Markup are escaped."""
    return Markup(between).join(map(escape, parts))


def trusted(content: str) -> Markup:
    """A script or a style sheet of this repository as it is; never anything that was read."""
    return Markup(content)


def warn(text: object, title: str = "Warning") -> None:
    """Tell the visitor beside the page's content; the handler goes on."""
    gr.Warning(_toast(text), title=title)


def refusal(text: object, title: str = "Error", logged: bool = False) -> gr.Error:
    """What to raise where a question has no answer: the page's notice and the API's message.

    `logged`: with its cause in the server's log, where that is no visitor's doing.
    """
    return gr.Error(_toast(text), title=title, print_exception=logged)


def _toast(text: object) -> str:
    # The browser shows it as HTML. Quotes stay: it is the API's message too, and no attribute.
    return entities.escape(str(text), quote=False)


class Html(gr.HTML, metaclass=NoStubFile):
    """A place for Markup. Any other text that gets here is shown as text."""

    is_template = True  # to the browser it is Gradio's own

    def postprocess(self, value: str | None) -> str | None:
        """The HTML to show."""
        return None if value is None else str(escape(value))
