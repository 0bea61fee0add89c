"""The page's look: one theme, one colour and one marker for each method, light and dark."""

from dataclasses import dataclass
from pathlib import Path

from gradio.themes import Base, colors, sizes

CSS_FILE = Path(__file__).with_name("style.css")


@dataclass(frozen=True)
class MethodStyle:
    """How a method is drawn everywhere. `colour` and `colour_dark` are Okabe and Ito's, which
    colour-blind people tell apart; the marker says the same without colour."""

    colour: str
    colour_dark: str
    marker: str


METHOD_STYLES = {
    "erm": MethodStyle("#0072B2", "#56B4E9", "●"),
    "qt-dog": MethodStyle("#C24E00", "#F0A04B", "◆"),
    "eoq": MethodStyle("#00805C", "#2FC79A", "▲"),
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
    """The style sheet, with the methods' colours as variables."""

    def variables(dark: bool) -> str:
        return "".join(
            f"--{method}: {style.colour_dark if dark else style.colour};"
            for method, style in METHOD_STYLES.items()
        )

    methods = f":root {{{variables(False)}}} .dark {{{variables(True)}}}\n"
    return methods + CSS_FILE.read_text(encoding="utf-8")
