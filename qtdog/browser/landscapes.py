"""The stored landscapes for pages without a server: surfaces side by side, and what they say."""

import re
from collections.abc import Sequence
from itertools import product

from qtdog.browser.panels import check, panel_title, plot_of, select, slug
from qtdog.browser.ways import way_part
from qtdog.landscape import Record, Surface, Trajectories, models_of, order, title
from qtdog.ui import Markup, charts, html, join, plain
from qtdog.ui.landscape import figures, planes, texts
from qtdog.ui.landscape import stored as stores

HEIGHTS = {"loss": "loss", "accuracy": "accuracy"}
AGAIN = {"": False, "false": False, "true": True}


def landscapes_part(stored: stores.Stored) -> Markup:
    """Every stored landscape under its choices; nothing where there is none."""
    if not stored.records:
        return Markup()
    targets = {stores.target_of(one): plain(one.target_domain) for one in stored.records}
    panels = join(
        _panel(stored, target, images, kind, way, again)
        for target, images, kind in product(targets, texts.IMAGES, texts.MEASURES)
        for way in (texts.DIRECTIONS if kind in stores.WITH_DISTANCE else ("",))
        for again in _agains(stored.of(target, images, kind, way))
    )
    return html(
        '<section id="landscape"><h2 class="section">Loss landscapes</h2>{}'
        '<div class="keyed"><div class="tools">{}</div>{}'
        '<p id="landscape-picked">{}</p>{}<div class="none" hidden>{}</div></div></section>',
        texts.QUESTION,
        _choices(targets),
        _models(stored.records),
        texts.PICK,
        panels,
        figures.headline((), ""),
    )


def _choices(targets: dict[str, str]) -> Markup:
    first = next(iter(targets))

    def keyed(name: str, address: str) -> dict[str, str]:
        return {"data-key": name, "data-address": address}

    look = {"data-look-part": "height", "data-address": "landscape-height"}
    deep = {"data-look-part": "deep", "data-address": "landscape-3d"}
    return join(
        (
            select("Held-out domain", targets, first, {"data-key": "target"}),
            select("Images of the", texts.IMAGES, "target", keyed("images", "landscape-images")),
            select("Show", texts.MEASURES, "plane", keyed("kind", "landscape")),
            select("Distance", texts.DIRECTIONS, "filter", keyed("way", "landscape-distance")),
            select("Height", HEIGHTS, "loss", look),
            html('<span id="landscape-3d">{}</span>', check("In three dimensions", True, deep)),
            check(texts.ROUND_AGAIN, False, {"data-key": "again"}),
        )
    )


def _models(records: Sequence[Record]) -> Markup:
    """A box for every network of which something is stored, and the names that the address has."""
    models = sorted({model for one in records for model in models_of(one)}, key=order)
    named = {model.name: title(model) for model in models}
    boxes = join(
        html('<label class="check" hidden><input type="checkbox" data-model="{}"> {}</label>', *one)
        for one in named.items()
    )
    # Browsers know no escaped "-" there, which re.escape would write.
    some = "|".join(re.sub(r"([.+])", r"\\\1", name) for name in named)
    return html(
        '<fieldset class="models" hidden><legend>{}</legend>{}<input type="text" hidden '
        'pattern="({})(,({}))*" data-address="landscape-models" value=""></fieldset>',
        texts.MODELS,
        boxes,
        some,
        some,
    )


def _agains(records: Sequence[Record]) -> tuple[str, ...]:
    """With and without weights rounded again, where these were measured."""
    return ("false", "true") if any(map(stores.is_rounded, records)) else ("",)


def _panel(
    stored: stores.Stored, target: str, images: str, kind: str, way: str, again: str
) -> Markup:
    found = stores.perturbed_so(stored.of(target, images, kind, way), AGAIN[again])
    surfaces = [one for one in found if isinstance(one, Surface) and one.kind in stores.SLICES]
    ways = [one for one in found if isinstance(one, Trajectories)][:1]
    domain = target.rpartition("/")[2]
    name = f"{texts.MEASURES[kind]}, {plain(domain)} held out, {texts.IMAGES[images].lower()}"
    return html(
        '<section class="panel" data-target="{}" data-images="{}" data-kind="{}" data-way="{}" '
        'data-again="{}"{}>{}{}{}{}{}{}{}</section>',
        *(target, images, kind, way, again),
        _to_pick_from(found) if kind in stores.OF_SINGLE_MODELS else "",
        panel_title(name, 3),
        _planes(surfaces),
        join(
            way_part(f"way-{slug(target)}-{images}", one, tuple(HEIGHTS), "landscape-step")
            for one in ways
        ),
        figures.headline(
            found,
            domain,
            stored.there_is(target, kind),
            stored.apart(target, images, kind, way) if way else (),
        ),
        figures.beside_planes(stored, target, images, "filter") if kind == "plane" else "",
        figures.numbers(found, stored.records),
        texts.notes(kind) + texts.provenance(found) if found else "",
    )


def _to_pick_from(found: Sequence[Record]) -> Markup:
    """A panel's models, in the order of its planes, rows and lines, and which of them are shown
    until others are picked."""
    names = (models_of(one)[0].name for one in found)
    usual = ",".join(stores.usual_models(found))
    return html(' data-models="{}" data-usual="{}"', ",".join(names), usual)


def _planes(surfaces: Sequence[Surface]) -> Markup:
    """Side by side on one scale, each as a surface and as contours, of loss and of accuracy."""
    if not surfaces:
        return Markup()
    limits = {height: planes.plane_limits(surfaces, height) for height in HEIGHTS}
    drawn = join(
        html(
            '<div class="figure plane">{}{}{}</div>',
            planes.heading(one),
            planes.surface_html(one, "loss", limits, len(surfaces)),
            plot_of(
                [
                    (height, planes.plane(one, height, limits[height], len(surfaces)))
                    for height in HEIGHTS
                ]
            ),
        )
        for one in surfaces
    )
    return html(
        '<div class="figure">'
        '<div class="landscape-planes" tabindex="0" role="group" aria-label="Side by side">'
        "{}</div>{}</div>",
        drawn,
        charts.TOOLS,
    )
