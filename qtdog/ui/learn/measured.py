"""What the seventh step of "Learn" says: what was measured, and what that does not show."""

from collections.abc import Mapping

from qtdog.explorer import Lesson, Standing, Standings
from qtdog.ui.learn.words import Template, Texts
from qtdog.ui.markup import Markup
from qtdog.ui.sentences import listed, number, plain

FEW_SEEDS = 3  # fewer are few
TIMES = ("not_at_all", "once", "twice")

Sentences = Mapping[str, Template]


def measured_sentences(texts: Texts, numbers: Standings) -> tuple[Markup, ...]:
    """QT-DoG and EoQ against full precision: for each of one or two held-out domains, else over
    all of them."""
    said = _said(texts)
    domains = list(dict.fromkeys(one.domain for one in numbers))
    if len(domains) > 2:
        return tuple(
            said[f"many_domains_{who}"].html(
                number=number(len(gaps)), points=_points(said, mean(gaps)), sides=_sides(said, gaps)
            )
            for who, method in (("single", "qt-dog"), ("eoq", "eoq"))
            if len(gaps := numbers.gaps(method)) > 1
        )
    return tuple(filter(None, (_of_domain(said, numbers, domain) for domain in domains)))


def because(texts: Texts, numbers: Standings) -> str:
    """Why EoQ's lead does not show that quantization helps."""
    said, gaps = _said(texts), numbers.gaps("eoq", "erm-ensemble")
    if not gaps:
        return said["because_not_measured"].plain()
    name = "because_measured_on_average" if len(gaps) > 1 else "because_measured"
    return said[name].plain(points=_points(said, mean(gaps)))


def limits(texts: Texts, lesson: Lesson, numbers: Standings) -> tuple[Markup, ...]:
    """What these numbers do not show, as far as it depends on them."""
    said, found = _said(texts), []
    if len(lesson.domains) == 1:
        found.append(said["limit_one_domain"].html(target=plain(lesson.target.domain)))
    apart = max(
        (max(one.accuracies) - min(one.accuracies) for one in numbers if one.method == "qt-dog"),
        default=0.0,
    )
    if apart:
        found.append(_luck(said, numbers, apart))
    ensembles = [one for one in numbers if one.method == "erm-ensemble"]
    if not ensembles:
        return (*found, said["limit_no_ensemble"].html())
    accuracies = [
        said["ensemble_on"].plain(accuracy=f"{one.mean:.1f}", domain=plain(one.domain))
        for one in ensembles
    ]
    return (*found, said["limit_ensemble"].html(accuracies=listed(accuracies)))


def mean(gaps: Mapping[str, float]) -> float:
    """Over held-out domains, in points."""
    return sum(gaps.values()) / len(gaps)


def _said(texts: Texts) -> Sentences:
    return texts.steps["7-measured"].sentences


def _of_domain(said: Sentences, numbers: Standings, domain: str) -> Markup:
    """Both methods on one domain; empty where neither can be compared."""
    full, one = numbers.of("erm", domain), numbers.of("qt-dog", domain)
    single = eoq = ""
    if full and one:
        single = said["single"].plain(
            points=_points(said, one.mean - full.mean),
            single=_runs(said, one),
            full=_runs(said, full),
        )
    if (gap := numbers.gaps("eoq").get(domain)) is not None:
        eoq = said["eoq"].plain(points=_points(said, gap))
    if single and eoq:
        return said["one_domain_both"].html(domain=plain(domain), single=single, eoq=eoq)
    gap_said = single or eoq
    return said["one_domain"].html(domain=plain(domain), gap=gap_said) if gap_said else Markup()


def _luck(said: Sentences, numbers: Standings, apart: float) -> Markup:
    """How far seeds are `apart`, in points, and of which domains full precision has few."""
    seeds = {one.domain: len(one.accuracies) for one in numbers if one.method == "erm"}
    fewest, points = min(seeds.values(), default=0), f"{apart:.1f}"
    if fewest >= FEW_SEEDS:
        return said["limit_luck"].html(points=points)
    times = said[TIMES[fewest]].plain()
    fewer = [plain(domain) for domain, count in seeds.items() if count == fewest]
    if not fewer:
        return said["limit_few_seeds"].html(times=times, points=points)
    return said["limit_few_seeds_of"].html(times=times, domains=listed(fewer), points=points)


def _sides(said: Sentences, gaps: Mapping[str, float]) -> str:
    """ "above on three, below on one", of the domains."""
    rounded = [round(gap, 1) for gap in gaps.values()]
    above, below = sum(gap > 0 for gap in rounded), sum(gap < 0 for gap in rounded)
    if len(rounded) in (above, below):
        return said["all_above" if above else "all_below"].plain()
    counts = {"above": above, "below": below, "level": len(rounded) - above - below}
    return ", ".join(
        said[f"some_{side}"].plain(number=number(count)) for side, count in counts.items() if count
    )


def _runs(said: Sentences, one: Standing) -> str:
    count = len(one.accuracies)
    if count == 1:
        return said["one_seed"].plain(mean=f"{one.mean:.1f}")
    return said["seeds"].plain(mean=f"{one.mean:.1f}", number=number(count))


def _points(said: Sentences, gap: float) -> str:
    """ "2.4 points above", of a gap in points."""
    points = round(abs(gap), 1)
    if points == 0:
        return said["level"].plain()
    noun, side = "point" if points == 1 else "points", "above" if gap > 0 else "below"
    return said[f"{noun}_{side}"].plain(points=f"{points:.1f}")
