"""The page's look: one theme, one colour and one marker for each method, light and dark."""

from dataclasses import dataclass, replace
from pathlib import Path

from gradio.themes import Base, colors, sizes

STYLE_SHEETS = Path(__file__).parent


# What plotly calls the markers; the second of each pair is for averaged weights.
_SYMBOLS = {
    **{"●": "circle", "○": "circle-open", "◆": "diamond", "◇": "diamond-open"},
    **{"▲": "triangle-up", "△": "triangle-up-open", "■": "square", "□": "square-open"},
    **{"▼": "triangle-down", "▽": "triangle-down-open", "✖": "x", "✗": "x-open"},
    **{"★": "star", "☆": "star-open", "✦": "star-diamond", "✧": "star-diamond-open"},
    **{"✚": "cross", "⬢": "hexagon", "⬡": "hexagon-open", "⬣": "hexagon2", "⎔": "hexagon2-open"},
    **{"⬟": "pentagon", "⬠": "pentagon-open", "◥": "triangle-ne", "◹": "triangle-ne-open"},
    **{"◤": "triangle-nw", "◸": "triangle-nw-open"},
}


@dataclass(frozen=True)
class MethodStyle:
    """How a method is drawn everywhere. `colour` and `colour_dark` follow Okabe and Ito's, which
    colour-blind people tell apart; the marker says the same without colour."""

    colour: str
    colour_dark: str
    marker: str

    @property
    def symbol(self) -> str:
        """The marker's name in plotly."""
        return _SYMBOLS[self.marker]


METHOD_STYLES = {
    "erm": MethodStyle("#0072B2", "#56B4E9", "●"),
    "erm-averaged": MethodStyle("#0072B2", "#56B4E9", "○"),
    "qt-dog": MethodStyle("#C24E00", "#F0A04B", "◆"),
    "qt-dog-averaged": MethodStyle("#C24E00", "#F0A04B", "◇"),
    "eoq": MethodStyle("#00805C", "#2FC79A", "▲"),
    "eoq-averaged": MethodStyle("#00805C", "#2FC79A", "△"),
    "erm-ensemble": MethodStyle("#7B3FA0", "#C99BE6", "■"),
    "erm-ensemble-averaged": MethodStyle("#7B3FA0", "#C99BE6", "□"),
    "freeze": MethodStyle("#806600", "#D6BE4C", "▼"),
    "freeze-averaged": MethodStyle("#806600", "#D6BE4C", "▽"),
    "noise": MethodStyle("#4B4BA8", "#A5A5F0", "★"),
    "noise-averaged": MethodStyle("#4B4BA8", "#A5A5F0", "☆"),
    "post-training": MethodStyle("#B0307A", "#EC93C4", "✖"),
    "post-training-averaged": MethodStyle("#B0307A", "#EC93C4", "✗"),
    "eoptq": MethodStyle("#8C2F5D", "#F0A3C4", "✦"),
    "eoptq-averaged": MethodStyle("#8C2F5D", "#F0A3C4", "✧"),
    "other": MethodStyle("#5D6B80", "#9AA7BA", "✚"),
}
# The same method with another start of its step sizes: its colour, a marker of its own.
_VARIANTS = {
    "qt-dog": {"fitted": "⬢⬡", "refitted": "⬟⬠"},
    "eoq": {"fitted": "◥◹", "refitted": "◤◸"},
    "post-training": {"least-error": "⬣⎔"},
}
METHOD_STYLES |= {
    f"{method}-{variant}{average}": replace(METHOD_STYLES[method], marker=marker)
    for method, variants in _VARIANTS.items()
    for variant, markers in variants.items()
    for average, marker in zip(("", "-averaged"), markers, strict=True)
}


def theme() -> Base:
    """Gradio's base theme in our type, spacing and neutral colours; fonts of the visitor's own."""
    sans = ("Inter", "Segoe UI", "Helvetica Neue", "Arial", "system-ui", "sans-serif")
    return Base(
        primary_hue=colors.slate,
        secondary_hue=colors.slate,
        neutral_hue=colors.slate,
        text_size=sizes.text_lg,
        spacing_size=sizes.spacing_lg,
        radius_size=sizes.radius_lg,
        font=sans,
        font_mono=("ui-monospace", "Consolas", "monospace"),
    ).set(
        body_background_fill="#f6f7f9",
        body_background_fill_dark="#11151c",
        block_background_fill="#ffffff",
        block_background_fill_dark="#1a202b",
        block_border_color="#dfe3ea",
        block_border_color_dark="#2c3543",
        block_label_background_fill="#ffffff",
        block_label_background_fill_dark="#1a202b",
        block_label_border_width="0px",
        block_label_text_color="#48566a",
        block_label_text_color_dark="#aab6c8",
        block_shadow="none",
        block_title_text_color="#48566a",
        block_title_text_color_dark="#aab6c8",
        block_title_text_size="0.95rem",
        body_text_color="#172033",
        body_text_color_dark="#e8edf5",
        input_background_fill="#ffffff",
        input_background_fill_dark="#1a202b",
        input_border_color=_LINE,
        input_border_color_dark=_LINE_DARK,
        input_border_width="1px",
        input_shadow="none",
        input_shadow_dark="none",
        slider_color=_INK,
        slider_color_dark=_INK_DARK,
        **_buttons(),
        **_choices(),
    )


# What is chosen or to be pressed is dark on light, and light on dark: colours are the methods'.
_INK, _INK_DARK = "#22304a", "#d9e4f5"
_LINE, _LINE_DARK = "#bcc6d4", "#465267"


def _buttons() -> dict[str, str]:
    """Filled for the main action, a frame for the others."""
    return {
        "button_border_width": "1px",
        "button_large_padding": "9px 22px",
        "button_large_text_size": "1.02rem",
        "button_medium_text_size": "0.98rem",
        "button_small_padding": "6px 12px",
        "button_small_text_size": "0.92rem",
        "button_primary_background_fill": _INK,
        "button_primary_background_fill_dark": _INK_DARK,
        "button_primary_background_fill_hover": "#3a4c6c",
        "button_primary_background_fill_hover_dark": "#ffffff",
        "button_primary_border_color": _INK,
        "button_primary_border_color_dark": _INK_DARK,
        "button_primary_text_color": "#ffffff",
        "button_primary_text_color_dark": "#11151c",
        "button_secondary_background_fill": "#ffffff",
        "button_secondary_background_fill_dark": "#1a202b",
        "button_secondary_background_fill_hover": "#e8ecf2",
        "button_secondary_background_fill_hover_dark": "#2b3444",
        "button_secondary_border_color": _LINE,
        "button_secondary_border_color_dark": _LINE_DARK,
        "button_secondary_text_color": "#172033",
        "button_secondary_text_color_dark": "#e8edf5",
    }


def _choices() -> dict[str, str]:
    """Radios and checkboxes: pills with a frame, filled where chosen."""
    return {
        "checkbox_border_radius": "5px",
        "checkbox_label_border_width": "1px",
        "checkbox_label_padding": "6px 14px",
        "checkbox_label_background_fill": "#ffffff",
        "checkbox_label_background_fill_dark": "#1a202b",
        "checkbox_label_background_fill_hover": "#e8ecf2",
        "checkbox_label_background_fill_hover_dark": "#2b3444",
        "checkbox_label_background_fill_selected": _INK,
        "checkbox_label_background_fill_selected_dark": _INK_DARK,
        "checkbox_label_border_color": _LINE,
        "checkbox_label_border_color_dark": _LINE_DARK,
        "checkbox_label_border_color_selected": _INK,
        "checkbox_label_border_color_selected_dark": _INK_DARK,
        "checkbox_label_text_color_selected": "#ffffff",
        "checkbox_label_text_color_selected_dark": "#11151c",
        "checkbox_label_shadow": "none",
        "checkbox_background_color_selected": "#0b5cad",
        "checkbox_background_color_selected_dark": "#0b5cad",
        "checkbox_border_color": "#7d8aa0",
        "checkbox_border_color_dark": "#7d8aa0",
    }


def css() -> str:
    """The style sheets, the common one first, with the methods' colours as variables."""

    def variables(dark: bool) -> str:
        return "".join(
            f"--{method}: {style.colour_dark if dark else style.colour};"
            for method, style in METHOD_STYLES.items()
        )

    methods = f":root {{{variables(False)}}} .dark {{{variables(True)}}}\n" + _dark_plots()
    common = STYLE_SHEETS / "style.css"
    sheets = sorted(STYLE_SHEETS.rglob("*.css"), key=lambda sheet: (sheet != common, sheet))
    return methods + "\n".join(sheet.read_text(encoding="utf-8") for sheet in sheets)


def _dark_plots() -> str:
    """Plotly writes colours into its figures: in the dark, each method's becomes its dark one."""
    rules = ""
    for style in {style.colour: style for style in METHOD_STYLES.values()}.values():
        written = ", ".join(str(int(style.colour[i : i + 2], 16)) for i in (1, 3, 5))
        for what in ("fill", "stroke"):
            rules += (
                f'.dark .js-plotly-plot [style*="{what}: rgb({written})"]'
                f" {{{what}: {style.colour_dark} !important}}\n"
            )
    return rules
