"""Rebuild the sample pictures: `python assets/samples/make_samples.py [FILE.png ...]`.

Every entry of index.json, or those named, is drawn anew as a 320 x 320 PNG, by its style:
pencil, line, doodle, cartoon, catalogue: the SVG of the same name, rendered by headless Chromium;
painting: the same, then repainted with brush strokes;
emoji: a glyph of Noto Color Emoji (Debian package fonts-noto-color-emoji);
photo: a stamp of Tux Paint (Debian package tuxpaint-stamps-default) on white, or scikit-image's
astronaut.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

HERE = Path(__file__).resolve().parent
SIDE = 320  # px
EMOJI_FONT = "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"
EMOJI_SIZE = 109  # the one size of this bitmap font
GLYPHS = {
    "dog-emoji.png": "\N{DOG}",
    "guitar-emoji.png": "\N{GUITAR}",
    "horse-emoji.png": "\N{HORSE}",
}
STAMPS = Path("/usr/share/tuxpaint/stamps")
PHOTOS = {
    "elephant-photo.png": "animals/mammals/elephant.png",
    "giraffe-photo.png": "animals/mammals/giraffe.png",
    "guitar-photo.png": "hobbies/music/string/guitar_classical.png",
    "horse-photo.png": "animals/mammals/equines/horse.png",
}
MARGIN = 16  # px around a stamp
# In the palette: small files.
COLOURS = {
    "pencil": 16,
    "line drawing": 16,
    "doodle": 16,
    "cartoon": 96,
    "catalogue": 128,
    "painting": 96,
    "emoji": 128,
    "photo": 192,
}


def render_svg(path: Path) -> Image.Image:
    """The drawing on white as Chromium shows it."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "picture.png"
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        command += ["--force-device-scale-factor=1", f"--window-size={SIDE},{SIDE}"]
        command += [f"--screenshot={target}", path.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        with Image.open(target) as picture:
            return picture.convert("RGB").crop((0, 0, SIDE, SIDE))


def render_emoji(glyph: str) -> Image.Image:
    """The glyph in the middle of a white square."""
    font = ImageFont.truetype(EMOJI_FONT, EMOJI_SIZE)
    small = Image.new("RGB", (160, 160), "white")
    ImageDraw.Draw(small).text((80, 80), glyph, font=font, embedded_color=True, anchor="mm")
    return small.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def photo(name: str) -> Image.Image:
    """A stamp in the middle of a white square, or a portrait that fills it."""
    if name not in PHOTOS:
        from skimage.data import astronaut

        return Image.fromarray(astronaut()).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    white = Image.new("RGBA", (SIDE, SIDE), "white")
    with Image.open(STAMPS / PHOTOS[name]) as stamp:
        factor = (SIDE - 2 * MARGIN) / max(stamp.size)
        width, height = (round(factor * one) for one in stamp.size)
        cut_out = stamp.convert("RGBA").resize((width, height), Image.Resampling.LANCZOS)
    white.alpha_composite(cut_out, ((SIDE - width) // 2, (SIDE - height) // 2))
    return white.convert("RGB")


def paint(scene: Image.Image, seed: int = 0) -> Image.Image:
    """Repaint a picture with strokes along its edges, from a broad brush to a fine one."""
    rng = np.random.default_rng(seed)
    scale = 2  # lines are drawn without anti-aliasing: paint large, then shrink
    canvas = scene.filter(ImageFilter.GaussianBlur(10)).resize((SIDE * scale, SIDE * scale))
    draw = ImageDraw.Draw(canvas)
    for radius, length, tolerance in ((9, 34, 0), (5, 22, 14), (2.5, 12, 20), (1.2, 7, 26)):
        blurred = scene.filter(ImageFilter.GaussianBlur(radius / 2))
        colours = np.asarray(blurred, np.float64)  # (SIDE, SIDE, 3)
        grey = np.asarray(blurred.convert("L").filter(ImageFilter.GaussianBlur(3)), np.float64)
        slope_y, slope_x = np.gradient(grey)
        angle = np.arctan2(slope_x, -slope_y)  # along the edge, not across it
        flat = np.hypot(slope_x, slope_y) < 0.6
        angle[flat] = 0.35 + 0.5 * np.sin(np.argwhere(flat).sum(axis=1) / 40)
        painted = np.asarray(canvas.resize((SIDE, SIDE)), np.float64)
        error = np.abs(painted - colours).sum(axis=2)
        step = max(2, round(radius))
        places = [(x, y) for y in range(0, SIDE, step) for x in range(0, SIDE, step)]
        for index in rng.permutation(len(places)):
            x, y = places[index]
            if error[y, x] < tolerance:
                continue
            colour = colours[y, x] + rng.normal(0, 7) + rng.normal(0, 3, 3)
            turn = angle[y, x] + rng.normal(0, 0.12)
            half = length * rng.uniform(0.35, 0.6)
            dx, dy = half * np.cos(turn), half * np.sin(turn)
            ends = [((x + s * dx) * scale, (y + s * dy) * scale) for s in (-1, 1)]
            fill = tuple(int(c) for c in colour.clip(0, 255))
            draw.line(ends, fill=fill, width=max(1, round(2 * radius * scale * 0.7)))
            for end_x, end_y in ends:
                r = radius * scale * 0.7
                draw.ellipse((end_x - r, end_y - r, end_x + r, end_y + r), fill=fill)
    return canvas.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def make(entry: dict[str, str]) -> None:
    """Write the PNG of one entry of index.json."""
    path = HERE / entry["file"]
    style = entry["style"]
    if style == "emoji":
        picture = render_emoji(GLYPHS[path.name])
    elif style == "photo":
        picture = photo(path.name)
    else:
        picture = render_svg(path.with_suffix(".svg"))
    if style == "painting":
        picture = paint(picture)
    in_colours = picture.quantize(
        COLOURS[style], Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
    )
    if style == "photo":  # whose shades would be bands
        in_colours = picture.quantize(palette=in_colours, dither=Image.Dither.FLOYDSTEINBERG)
    in_colours.save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


def main(names: list[str]) -> None:
    for entry in json.loads((HERE / "index.json").read_text(encoding="utf-8")):
        if not names or entry["file"] in names:
            make(entry)


if __name__ == "__main__":
    main(sys.argv[1:])
