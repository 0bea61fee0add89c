"""What memory buys, as a figure that follows its controls without a server."""

import json
from collections.abc import Sequence

from qtdog.browser.panels import pair, panel_title, plot, select
from qtdog.results import AVERAGE, MemoryPoint, domains_of, frontier, points_on
from qtdog.ui import Markup, View, charts, html, join, plain
from qtdog.ui.results import memory, tables

SPEED = 10.0
"""Mbit/s of the download at first."""


def memory_part(
    points: Sequence[MemoryPoint], dataset: str, log_link: tables.LogLink, paper: View
) -> Markup:
    """The figure of every held-out domain, and what is best at every size, then the `paper`'s own;
    nothing where none was measured. `memory.js` shows what the controls say."""
    domains = domains_of(points, dataset)
    if not domains:
        return Markup()
    titles = {one: "mean of domains" if one == AVERAGE else plain(one) for one in domains}
    panels = join(
        html(
            '<section class="panel" data-domain="{}">{}{}</section>',
            domain,
            panel_title(titles[domain], 3),
            _panel(points_on(points, dataset, domain), dataset, domain, log_link),
        )
        for domain in domains
    )
    return html(
        '<h2 class="section">{}</h2><p class="section">{}</p><div class="memory">'
        '<div class="tools">{}<label class="choice" hidden>{} <input type="range" min="0.5" '
        'max="{}" step="0.5" value="{}" data-address="megabytes"><output></output></label>{}</div>'
        "{}</div>{}",
        memory.TITLE,
        memory.ABOUT,
        select("Held-out domain", titles, domains[0], {"data-address": "memory"}),
        memory.LIMIT,
        memory.MOST_MEGABYTES,
        memory.MEGABYTES,
        select(memory.DOWNLOAD, memory.SPEEDS, f"{SPEED:g}", {"data-address": "speed"}),
        panels,
        pair((memory.IN_THE_PAPER, paper)),
    )


def _panel(
    shown: Sequence[MemoryPoint], dataset: str, domain: str, log_link: tables.LogLink
) -> Markup:
    said = [_best(None, domain, log_link)]
    said += [_best(one, domain, log_link) for one in frontier(shown)]
    figure = memory.figure(shown, None, memory.MEGABYTES, SPEED)
    below = join(said) + memory.below(shown, dataset, domain) + charts.TOOLS
    return html('<div class="figure">{}{}</div>', plot(figure), below)


def _best(best: MemoryPoint | None, domain: str, log_link: tables.LogLink) -> Markup:
    """What is best from a size on."""
    size = best.size_bytes / memory.MEGABYTE if best else 0.0
    return html(
        '<div class="best" data-megabytes="{}" data-label="{}" hidden>{}</div>',
        size,
        json.dumps(memory.label(best) if best else None),
        memory.best_sentence(best, memory.MEGABYTES, SPEED, domain, log_link),
    )
