"""What differs between a folder and the benchmark that it should be, in sentences."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qtdog.data.benchmarks import Benchmark, plain, same
from qtdog.data.folders import readable_name
from qtdog.data.tree import Tree

NAMES_SHOWN = 3  # of many alike, in a sentence


@dataclass(frozen=True)
class Count:
    """The images of one domain, as published (None if that is not known) and as they are."""

    domain: str
    published: int | None
    readable: int
    unreadable: int


def differences(
    tree: Tree,
    benchmark: Benchmark | None,
    looks: Benchmark | None,
    counts: Sequence[Count],
    broken: Mapping[Path, str],
    repeats: Sequence[Sequence[Path]] = (),
) -> Iterable[str]:
    """One sentence for each thing that is not as it should be.

    `looks` is the benchmark whose domains these are, `broken` what is wrong with unreadable images,
    `repeats` the files of equal content in several domains or classes.
    """
    if whole := _other_level(tree):
        yield whole
        return
    if benchmark and looks and benchmark is not looks:
        yield f"It should be {benchmark.name}, but its domains are those of {looks.name}."
    yield from _misplaced(tree)
    for loop in tree.loops:
        yield f"The link {_place(loop, tree)} leads back to a folder above: it is not followed."
    for name in sorted({*tree.images, *tree.classes()}):
        if (shown := readable_name(name)) != name:
            yield f"The name of the folder {shown} is not UTF-8: rename it."
    yield from _domains(tree, benchmark)
    yield from _classes(tree, benchmark)
    yield from _totals(counts, benchmark)
    yield from _alike(tree)
    yield from _repeats(tree, repeats)
    if broken:
        names = _some(_place(path, tree) for path in broken)
        of_first = next(iter(broken.values()))
        are = "1 image cannot" if len(broken) == 1 else f"{len(broken):,} images cannot"
        yield f"{are} be read: {names}. {of_first}"


def _other_level(tree: Tree) -> str:
    """Where the folder is the parent or a child of the one that should be given."""
    depths = Counter(len(parts) for parts in tree.misplaced)
    if tree.paths() or len(depths) != 1:
        return ""
    if depths.keys() == {3} and len(tree.images) == 1:
        (only,) = tree.images
        return f"The domains lie one folder deeper: give {tree.root / only}."
    if depths.keys() == {1}:
        return (
            "The images lie one folder deep, not as domain/class/image: this looks like a single "
            "domain, so give the folder that holds all domains."
        )
    return ""


def _misplaced(tree: Tree) -> Iterable[str]:
    high = {parts: n for parts, n in tree.misplaced.items() if len(parts) < 2}
    deep = {parts: n for parts, n in tree.misplaced.items() if len(parts) > 2}
    if high:
        places = _some("/".join(parts) or "the folder itself" for parts in high)
        yield f"{_lie(high)} in no class, directly in {places}."
    if deep:
        places = _some("/".join(parts) for parts in deep)
        read = "is" if sum(deep.values()) == 1 else "are"
        yield f"{_lie(deep)} deeper than domain/class/image, and {read} not read: {places}."


def _domains(tree: Tree, benchmark: Benchmark | None) -> Iterable[str]:
    yield from _spellings("domain", tree.images)
    for name, labels in tree.images.items():
        if not any(labels.values()):
            yield f"The folder {name} holds no image in a class folder."
    if benchmark is None:
        if len(tree.images) < 2:
            yield f"It holds {len(tree.images)} domain folders: training takes at least two."
        return
    for one in benchmark.domains:
        found = [name for name in tree.images if same(name, one.folder)]
        if not found:
            yield f"The domain {one.folder} is missing."
        elif one.folder not in found:
            yield f"The domain {one.folder} is spelled {found[0]}."
    for name in tree.images:
        if benchmark.domain(name) is None:
            yield f"{benchmark.name} has no domain {name}."


def _classes(tree: Tree, benchmark: Benchmark | None) -> Iterable[str]:
    present = tree.classes()
    published = {plain(label): label for label in benchmark.classes} if benchmark else {}
    wanted = published or {plain(label): label for label in present}
    yield from _spellings("class", present)
    for domain, labels in tree.images.items():
        here = {plain(label) for label, files in labels.items() if files}
        if here and (lacking := [name for key, name in wanted.items() if key not in here]):
            yield f"The domain {domain} has no image of {_some(sorted(lacking))}."
    if benchmark and not published and len(present) != benchmark.class_count:
        yield f"It has {len(present)} classes, not the published {benchmark.class_count}."
    if benchmark and published:
        for label in sorted(present - set(published.values())):
            if plain(label) in published:
                yield f"The class {published[plain(label)]} is spelled {label}."
        if foreign := sorted(label for label in present if plain(label) not in published):
            yield f"{benchmark.name} has no class {_some(foreign)}."


def _totals(counts: Sequence[Count], benchmark: Benchmark | None) -> Iterable[str]:
    if benchmark is None:
        return
    for count in counts:
        if count.published not in (None, count.readable) and count.readable:
            gap = _gap(count.readable, count.published)
            yield f"{count.domain}: {count.readable:,} images, {gap}."
    images = sum(count.readable for count in counts)
    if other := dict(benchmark.other_totals).get(images):
        yield f"In all {images:,} images: {other}, not the published {benchmark.images:,}."
    elif images != benchmark.images:
        yield f"In all {images:,} images, {_gap(images, benchmark.images)}."


def _alike(tree: Tree) -> Iterable[str]:
    """Names that another system takes for one, or that a copy in another format has left."""
    for domain, labels in tree.images.items():
        for label, files in labels.items():
            names: dict[str, list[str]] = defaultdict(list)
            for path in files:
                names[path.stem.casefold()].append(path.name)
            if pairs := [" and ".join(each) for each in names.values() if len(each) > 1]:
                yield (
                    f"{domain}/{label} has names that differ in capitals or the ending alone: "
                    f"{_some(pairs)}."
                )


def _repeats(tree: Tree, repeats: Sequence[Sequence[Path]]) -> Iterable[str]:
    """Equal files of several domains, then of several classes of one domain."""
    across = [group for group in repeats if len({path.parts[-3] for path in group}) > 1]
    within = [group for group in repeats if group not in across]
    for groups, what in ((across, "domains"), (within, "classes")):
        if groups:
            names = _some(" and ".join(_place(path, tree) for path in group) for group in groups)
            lie = "1 image lies" if len(groups) == 1 else f"{len(groups):,} images lie"
            yield f"{lie} in several {what}: {names}."


def _place(path: Path, tree: Tree) -> str:
    return path.relative_to(tree.root).as_posix()


def _spellings(what: str, names: Iterable[str]) -> Iterable[str]:
    alike: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        alike[plain(name)].append(name)
    for spellings in alike.values():
        if len(spellings) > 1:
            yield f"One {what} is spelled in several ways: {', '.join(spellings)}."


def _gap(found: int, published: int) -> str:
    more = "fewer" if found < published else "more"
    return f"{abs(found - published):,} {more} than the published {published:,}"


def _lie(places: Mapping[tuple[str, ...], int]) -> str:
    count = sum(places.values())
    return "1 image lies" if count == 1 else f"{count:,} images lie"


def _some(names: Iterable[object]) -> str:
    """ "a, b, c and 4 more"."""
    listed = [str(name) for name in names]
    more = len(listed) - NAMES_SHOWN
    return ", ".join(listed[:NAMES_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
