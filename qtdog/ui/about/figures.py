"""Sets of checkpoints, the page's own and one that a visitor opened, as HTML."""

from collections.abc import Sequence

from qtdog.explorer import GUEST_COLUMNS, Explorer, Guest, Prediction
from qtdog.ui.about.tables import target_table
from qtdog.ui.figures import card, more_numbers, notices
from qtdog.ui.markup import Markup, html, join


def shown_set(explorer: Explorer) -> Markup:
    """Where the page's own checkpoints are from, any notice, and what they can be asked."""
    origin = explorer.checkpoint_set.describe()
    notice = notices([origin.notice]) if origin.notice else ""
    place = html('<p class="origin">Shown are {}.</p>', origin.phrase)
    return html("{}{}{}", notice, place, target_table(explorer.targets()))


def opened_set(guest: Guest) -> Markup:
    """The same of an opened set, and what is wrong with it."""
    place = html(
        '<p class="origin" role="status">Opened: {}. Its models '
        "(at most {}, EoQ and QT-DoG first) now answer beside ours under Try it.</p>",
        guest.origin.phrase,
        GUEST_COLUMNS,
    )
    return html("{}{}{}", notices(guest.problems), place, target_table(guest.targets))


def opened_cards(answers: Sequence[Prediction]) -> Markup:
    """What the models of an opened set say, for Try it."""
    cards = join(card(one) for one in answers)
    return html(
        '<h3>From the set that you opened</h3><div class="cards">{}</div>{}',
        cards,
        more_numbers(answers),
    )
