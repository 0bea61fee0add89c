"""The page's look: one theme, one colour and one marker for each method, light and dark."""

from dataclasses import dataclass
from pathlib import Path

from gradio.themes import Base, colors, sizes

STYLE_SHEETS = Path(__file__).parent


# What plotly calls the markers; the second of each pair is for averaged weights.
_SYMBOLS = {
    **{"●": "circle", "○": "circle-open", "◆": "diamond", "◇": "diamond-open"},
    **{"▲": "triangle-up", "△": "triangle-up-open", "■": "square", "□": "square-open"},
    **{"▼": "triangle-down", "▽": "triangle-down-open", "✖": "x", "✚": "cross"},
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
    "post-training": MethodStyle("#B0307A", "#EC93C4", "✖"),
    "other": MethodStyle("#5D6B80", "#9AA7BA", "✚"),
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
        body_text_color="#172033",
        body_text_color_dark="#e8edf5",
    )


def css() -> str:
    """The style sheets, the common one first, with the methods' colours as variables."""

    def variables(dark: bool) -> str:
        return "".join(
            f"--{method}: {style.colour_dark if dark else style.colour};"
            for method, style in METHOD_STYLES.items()
        )

    methods = f":root {{{variables(False)}}} .dark {{{variables(True)}}}\n" + _dark_plots()
    sheets = sorted(
        STYLE_SHEETS.glob("*.css"), key=lambda sheet: (sheet.name != "style.css", sheet)
    )
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
