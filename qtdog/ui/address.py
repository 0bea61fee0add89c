"""The page's address carries its state, so that a copied link opens the same view.

A tab registers what it wants in the address: `address.add("severity", slider, whole_number(0, 5))`.
From then on `?severity=3` sets the slider when the page opens, and moving the slider changes the
address. What an address says wrongly is ignored and named in a notice. The browser's Back and
Forward set the fields again; a tab that computes only when a visitor moves its fields listens to
`address.gone`.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import gradio as gr

from qtdog.ui import figures
from qtdog.ui.markup import Html

Field = gr.Textbox | gr.Dropdown | gr.Radio | gr.Slider | gr.CheckboxGroup | gr.Checkbox
"""What an address can set."""

TAB, TABS = "tab", "tabs"
HELD_OUT = "domain"
"""The parameter that others may follow: the page's held-out domain."""
LONGEST_VALUE = 200  # characters; no parameter needs more
LONGEST_QUOTE = 40  # characters of a wrong value in its notice

SCRIPT = (Path(__file__).parent / "address.js").read_text(encoding="utf-8")
# Components come up with their defaults: nothing may be written before the address was read.
SYNC = "(...values) => window.qtdogAddress?.sync(values)"
SYNC_TAB = "() => window.qtdogAddress?.openTab(%s)"
WENT = "() => window.qtdogAddress?.went()"
# Another held-out domain brings what is usual there.
FOLLOW = "(domain) => %s.map((usual) => usual[domain] ?? usual[''])"
# In a frame of another page the address bar is that page's, and the clipboard may be closed to us.
# What starts with "__" is between the frame and its host, such as the key to a private Space.
COPY = """async () => {
    const address = new URL(window.location.href);
    [...address.searchParams.keys()].filter((name) => name.startsWith("__"))
        .forEach((name) => address.searchParams.delete(name));
    const field = document.createElement("input");
    field.setAttribute("value", address.href);
    field.readOnly = true;
    field.ariaLabel = "Link to this view";
    try {
        await navigator.clipboard.writeText(address.href);
    } catch {
        document.body.append(field);
        field.select();
        const copied = document.execCommand("copy");
        field.remove();
        if (!copied) return `<p>Copy this link: ${field.outerHTML}</p>`;
    }
    return "<p>Link copied. Pictures of your own are not in it.</p>";
}"""


@dataclass(frozen=True)
class Parameter:
    """A part of the page's state: its name in the address and the component that holds it."""

    name: str
    component: Field
    parse: Callable[[str], Any]
    """The address's text as the component's value; raises ValueError that says what is allowed."""
    of_tabs: tuple[str, ...] = ()
    """Tabs that had a field of their own for it, as `shift-domain`, in older links."""
    usual: Mapping[str, str] = field(default_factory=dict)
    """By held-out domain, the value that goes without saying there."""


@dataclass(frozen=True)
class Opened:
    """What an address asks for: valid values by parameter, and a sentence for each wrong one."""

    values: dict[str, Any]
    problems: tuple[str, ...]


def one_of(values: Sequence[str]) -> Callable[[str], str]:
    """A parser for one of these values, as in a dropdown or a radio."""

    def parse(text: str) -> str:
        if text not in values:
            raise ValueError(f"it can be {', '.join(value for value in values if value)}")
        return text

    return parse


def several_of(values: Sequence[str]) -> Callable[[str], list[str]]:
    """A parser for some of these values, separated by commas, as in a group of checkboxes."""

    def parse(text: str) -> list[str]:
        return [one_of(values)(part) for part in text.split(",") if part]

    return parse


def whole_number(lowest: int, highest: int) -> Callable[[str], int]:
    """A parser for a whole number in a range, as on a slider."""

    def parse(text: str) -> int:
        # Not int(): it takes "1_0" and digits of other scripts.
        if text.removeprefix("-").isascii() and text.removeprefix("-").isdigit():
            number = int(text)
            if lowest <= number <= highest:
                return number
        raise ValueError(f"it is a whole number from {lowest} to {highest}")

    return parse


def number_from(lowest: float, highest: float) -> Callable[[str], float]:
    """A parser for a number in a range, with a point or without, as on a slider of finer steps."""

    def parse(text: str) -> float:
        # Not float(): it takes "1_0", "nan" and digits of other scripts.
        if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) and lowest <= float(text) <= highest:
            return float(text)
        raise ValueError(f"it is a number from {lowest:g} to {highest:g}")

    return parse


def yes_or_no(text: str) -> bool:
    """A parser for a checkbox: "true" or "false"."""
    return one_of(("true", "false"))(text) == "true"


class Address:
    """What the address can hold: the open tab, the tabs to show, and what the tabs registered."""

    def __init__(self) -> None:
        self._parameters: dict[str, Parameter] = {}
        self._tabs: dict[str, gr.Tab] = {}
        self._older: list[Callable[[dict[str, str]], dict[str, str]]] = []
        self.gone = gr.Textbox("0", label="gone", elem_classes="unseen", render=False)
        """Changes when Back or Forward has set the fields."""

    def add(
        self,
        name: str,
        component: Field,
        parse: Callable[[str], Any],
        of_tabs: tuple[str, ...] = (),
        usual: Mapping[str, str] | None = None,
    ) -> None:
        """Keep `component`'s value in the address as `name`; `of_tabs` had fields of their own for
        it, whose values in older links count where they open that tab. With `usual`, values by
        held-out domain, the component follows the page's: another domain sets it to what is usual
        there.

        The value the component is built with is the default, which the address leaves out. The
        component must be laid out, if only with elem_classes="unseen": Gradio leaves invisible
        components out of the page, and they have no events.
        Raises ValueError when the name is taken.
        """
        if name in (*self._parameters, TAB, TABS):
            raise ValueError(f"The address has a parameter '{name}' already.")
        self._parameters[name] = Parameter(name, component, parse, of_tabs, usual or {})

    def older(self, rule: Callable[[dict[str, str]], dict[str, str]]) -> None:
        """Let `rule` say of an address's query what an older link means by today's names."""
        self._older.append(rule)

    def add_tab(self, tab: gr.Tab) -> gr.Tab:
        """Let addresses open, hide and show this tab by its id; returns it."""
        self._tabs[str(tab.id)] = tab
        return tab

    def read(self, request: gr.Request) -> Opened:
        """What the visitor's address asks for. For handlers of `page.load` that need the state
        before the components have it."""
        return self.parse(dict(request.query_params))

    def parse(self, query: dict[str, str]) -> Opened:
        """The same for a query that is split already. Unknown names are somebody else's."""
        parsers = {name: parameter.parse for name, parameter in self._parameters.items()}
        parsers |= {TAB: one_of(list(self._tabs)), TABS: several_of(list(self._tabs))}
        query = query | self._of_older_links(query)
        for rule in self._older:
            query = query | rule(query)
        values, problems = {}, []
        for name in parsers.keys() & query.keys():
            text = query[name]
            try:
                if len(text) > LONGEST_VALUE:
                    raise ValueError("it is too long")
                values[name] = parsers[name](text)
            except ValueError as error:
                quote = text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE] + "…"
                problems.append(f'This link\'s {name} "{quote}" was ignored: {error}.')
        for one in self._parameters.values():
            if one.name not in values and values.get(HELD_OUT) in one.usual:
                values[one.name] = one.usual[values[HELD_OUT]]
        return Opened(values, tuple(sorted(problems)))

    def _of_older_links(self, query: dict[str, str]) -> dict[str, str]:
        """What the opened tab's own fields said when it still had them, by today's names."""
        tab = query.get(TAB)
        return {
            name: query[f"{tab}-{name}"]
            for name, one in self._parameters.items()
            if tab in one.of_tabs and f"{tab}-{name}" in query
        }

    def copy_button(self) -> None:
        """Lay out the button that copies the link, and the line that says so."""
        with gr.Column(elem_id="link", min_width=130, scale=0):
            button = gr.Button("Copy link", size="sm", elem_id="copy-link")
            said = Html(elem_id="copy-link-status", padding=False)
        button.click(None, None, said, js=COPY, api_visibility="private")

    def wire(self, page: gr.Blocks, tabs: gr.Tabs, notice: Html) -> None:
        """Connect address and page, once all tabs are laid out; `notice` takes what was wrong."""
        parameters = list(self._parameters.values())
        components = [parameter.component for parameter in parameters]

        def opened(request: gr.Request) -> list[Any]:
            asked = self.read(request)
            shown = asked.values.get(TABS) or list(self._tabs)
            selected = asked.values.get(TAB)
            chosen: dict[str, Any] = {}
            if {TAB, TABS} & asked.values.keys():
                chosen["selected"] = selected if selected in shown else shown[0]
            told = figures.notices(asked.problems)
            return [
                Html(told, visible=True) if told else gr.skip(),
                gr.Tabs(**chosen) if chosen else gr.skip(),
                *(
                    gr.update(value=asked.values[one.name])
                    if one.name in asked.values
                    else gr.skip()
                    for one in parameters
                ),
            ]

        private: dict[str, Any] = {
            "api_visibility": "private",
            "show_progress": "hidden",
            "trigger_mode": "multiple",
        }
        outputs = [notice, tabs, *components]
        page.load(opened, None, outputs, queue=False, **private).then(
            None, components, None, js=self._begin(parameters), **private
        )
        changes = [component.change for component in components]
        if changes:
            gr.on(changes, None, components, None, js=SYNC, **private)
        self._wire_going(components, private)
        following = [one for one in parameters if one.usual and HELD_OUT in self._parameters]
        if following:
            usual = json.dumps([_usual(one) for one in following])
            components = [one.component for one in following]
            target = self._parameters[HELD_OUT].component
            target.input(None, target, components, js=FOLLOW % usual, **private)
        for key, tab in self._tabs.items():
            tab.select(None, None, None, js=SYNC_TAB % json.dumps(key), **private)

    def _wire_going(self, components: Sequence[Field], private: Mapping[str, Any]) -> None:
        """Back and Forward, for which `address.js` presses a button that nobody sees."""
        self.gone.render()
        go = gr.Button("Go", elem_id="address-go", elem_classes="unseen")
        query = gr.Textbox(label="query", elem_classes="unseen")
        asked = [query, self.gone]

        def gone(query: str, times: str) -> list[Any]:
            asked = self.parse(dict(parse_qsl(query.removeprefix("?"))))
            values = [asked.values.get(one.name, self._usual(one, asked)) for one in parameters]
            return [times, *(gr.update(value=value) for value in values)]

        parameters = list(self._parameters.values())
        js = "(query, times) => [window.location.search, String(Number(times) + 1)]"
        go.click(gone, asked, [self.gone, *components], js=js, queue=False, **private).then(
            None, None, None, js=WENT, **private
        )

    def _usual(self, one: Parameter, asked: Opened) -> Any:
        """What its field shows where the address is silent."""
        held_out = self._parameters.get(HELD_OUT)
        first = held_out.component.value if held_out else ""
        return one.usual.get(str(asked.values.get(HELD_OUT, first)), one.component.value)

    def _begin(self, parameters: Sequence[Parameter]) -> str:
        """Start to keep the address; what it said wrongly goes."""
        names = [one.name for one in parameters]
        config = {
            "tabs": list(self._tabs),
            "former": [f"{tab}-{one.name}" for one in parameters for tab in one.of_tabs],
            "parameters": [{"name": one.name, "usual": _usual(one)} for one in parameters],
            "domain": names.index(HELD_OUT) if HELD_OUT in names else -1,
        }
        return f"(...values) => ({SCRIPT})({json.dumps(config)}, values)"


def _usual(one: Parameter) -> dict[str, str]:
    """What an address leaves out, by held-out domain, and for all others under ""."""
    return {**one.usual, "": _text(one.component.value)}


def _text(value: Any) -> str:
    """`value` as JavaScript's String() writes it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(map(_text, value))
    return f"{value:.15g}" if isinstance(value, float) else str(value)
