"""What the explorer without a server shows besides answers: results, landscapes, Learn, About."""

from collections.abc import Sequence
from dataclasses import replace

from qtdog.browser.landscapes import landscapes_part
from qtdog.browser.results import results_part
from qtdog.browser.ways import way_part
from qtdog.checkpoints import Target
from qtdog.citation import CITATION
from qtdog.explorer import BIT_WIDTHS, Explorer
from qtdog.images import read_image
from qtdog.landscape import ensembles, subjects
from qtdog.places import LANDSCAPES, SHOWN_STUDY
from qtdog.results import load_results
from qtdog.ui import Markup, html, join, notices
from qtdog.ui.about import figures as sets
from qtdog.ui.about import tables, texts
from qtdog.ui.figures import ballot
from qtdog.ui.landscape import stored as stores
from qtdog.ui.learn import figures, handlers, layout, telling, toys, words
from qtdog.ui.quantize import measured as widths
from qtdog.ui.quantize import thumbnails
from qtdog.ui.samples import Sample, known_to, samples
from qtdog.ui.train import tab as training
from qtdog.ui.train import words as training_words

NO_LANDSCAPE = html(
    '<p class="nothing" role="status">No landscape of these checkpoints is stored.</p>'
)
BITS = range(1, 9)
NOISES = tuple(place / 20 for place in range(41))
RUNTIME = html(
    "<p>The networks run in ONNX Runtime (onnxruntime-web, Microsoft, MIT: "
    '<a href="onnxruntime/LICENSE">its licence</a>), figures are drawn by plotly.js (MIT).</p>'
)
PRIVACY = html(
    "<p>Everything is computed in your browser. Your pictures, your drawings and your camera's "
    "frames are sent nowhere. What was downloaded is kept in this browser, so that the next visit "
    "needs no network; its settings for this site delete it. Whoever serves the files may log "
    "addresses, as any web server can.</p>"
)


def measured(explorer: Explorer) -> Markup:
    """What was measured at every width on each held-out domain, a sentence each, all hidden."""
    found = load_results(SHOWN_STUDY).measured
    return join(
        html(
            '<div data-measured="{} {}" hidden>{}</div>',
            target.key,
            bits,
            widths.measured_at(bits, shown.config, found),
        )
        for target in explorer.targets()
        for shown in explorer.shown(target.key)
        if shown.config.method == "erm"
        for bits in BIT_WIDTHS
    )


def results() -> Markup:
    """What was measured and what the paper says."""
    return html('<div id="results">{}</div>', results_part(load_results(SHOWN_STUDY), SHOWN_STUDY))


def landscape(explorer: Explorer) -> Markup:
    """What was measured around the very networks that the page shows."""
    keys = [target.key for target in explorer.targets()]
    folders = [one.folder for key in keys for one in explorer.checkpoints(key)]
    stored = stores.load_stored(LANDSCAPES, [*subjects(folders), *ensembles(folders)])
    ours = tuple(one for one in stored.records if stores.target_of(one) in keys)
    return notices(stored.problems) + (
        landscapes_part(replace(stored, records=ours)) or NO_LANDSCAPE
    )


def train() -> Markup:
    """The place where toy networks are trained, with what was measured of them."""
    record = training.recorded()
    return notices([training_words.NO_RECORD]) if record is None else training.place(record)


def about(explorer: Explorer) -> Markup:
    """The checkpoints, how they came about, citation, licences, privacy."""
    return html(
        '<div id="about"><h2>Which networks answer here</h2>{}{}<h2>How they were trained</h2>{}'
        '<h2>Citation</h2><pre tabindex="0" role="region" aria-label="BibTeX of the paper">{}</pre>'
        "<h2>Licence</h2>{}{}<h2>Privacy</h2>{}</div>",
        sets.shown_set(explorer),
        tables.checkpoint_tables(explorer),
        texts.TRAINING,
        CITATION,
        texts.LICENCE,
        RUNTIME,
        PRIVACY,
    )


def learn(explorer: Explorer) -> Markup:
    """The walk in eight steps; what its live parts can show is all there, to choose from."""
    said = words.read_texts(words.TEXTS)
    told = telling.tell(explorer, load_results(SHOWN_STUDY), said, telling.stored_ways())
    about, way = told.lesson, told.way
    live = (
        _classified(explorer, about.target),
        figures.home_and_abroad(about),
        _slider("Bits", BITS, 3, [toys.rounding_toy(bits) for bits in BITS]),
        _slider("Noise: step size", NOISES, 0.0, [toys.valley_toy(noise) for noise in NOISES])
        + (Markup() if way is None else way_part("learn-way", way, ("loss",))),
        _small_training() + figures.training_curves(about),
        figures.memory_bars(about) + _voted(explorer, about.target),
        told.measured,
        "",
    )
    shown = join(
        html(
            '<section class="learn-step" id="learn-step-{}">{}<div class="live">{}</div>{}'
            "</section>",
            place,
            told.before(place),
            part,
            told.after(place, said),
        )
        for place, part in enumerate(live, start=1)
    )
    choices = join(
        html(
            '<button type="button" data-step="{}" aria-pressed="false">{} {}</button>',
            place,
            place,
            step.short,
        )
        for place, step in enumerate(told.steps, start=1)
    )
    return html(
        '{}<div class="tools" id="steps" role="group" aria-label="Steps">{}</div>{}'
        '<div class="tools"><button type="button" id="learn-back">← Back</button>'
        '<button type="button" id="learn-on">Next →</button></div>',
        layout.INTRODUCTION,
        choices,
        shown,
    )


def _small_training() -> Markup:
    record = training.recorded()
    return Markup() if record is None else training.place(record, training.SMALL)


def _classified(explorer: Explorer, target: Target) -> Markup:
    chosen = layout.one_a_domain(known_to(samples(), target.classes))
    answers = [explorer.classify(read_image(one.path), target.key) for one in chosen]
    shown = [
        figures.sample_answers(said, one, _small(one))
        for one, said in zip(chosen, answers, strict=True)
    ]
    return _list("Choose a picture", [one.title for one in chosen], shown)


def _voted(explorer: Explorer, target: Target) -> Markup:
    shown, asked = [], known_to(samples(), target.classes)
    for one in asked:
        predictions = explorer.classify(read_image(one.path), target.key)
        panel = join(ballot(each) for each in predictions if each.members)
        shown.append(figures.member_votes(predictions, one, _small(one), panel))
    return _list("Ask the members about", [one.title for one in asked], shown)


def _small(sample: Sample) -> str:
    return thumbnails.thumbnail(sample, handlers.PICTURE)


def _list(label: str, names: Sequence[str], shown: Sequence[str]) -> Markup:
    options = join(html("<option>{}</option>", name) for name in names)
    choice = html('<label class="field">{} <select>{}</select></label>', label, options)
    return _variants(choice, shown, 0)


def _slider(label: str, values: Sequence[float], start: float, shown: Sequence[str]) -> Markup:
    choice = html(
        '<label class="field">{} <input type="range" min="{}" max="{}" step="{}" value="{}">'
        "<output>{}</output></label>",
        label,
        values[0],
        values[-1],
        round(values[1] - values[0], 6),
        start,
        start,
    )
    return _variants(choice, shown, list(values).index(start))


def _variants(choice: Markup, shown: Sequence[str], first: int) -> Markup:
    """Several states of a part, of which explorer/learn.js shows the chosen one."""
    states = join(
        html('<div class="variant"{}>{}</div>', "" if place == first else html(" hidden"), one)
        for place, one in enumerate(shown)
    )
    return html('<div class="variants">{}{}</div>', choice, states)
