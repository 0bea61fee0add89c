"""The benchmarks of the paper as records: folders, domains, classes, counts, and the protocol.

Folder names are those that DomainBed's download makes (Gulrajani and Lopez-Paz, ICLR 2021), totals
those of its paper. Counts a domain: PACS and Office-Home as commonly stated, VLCS as in the
transfer-learning collections, DomainNet as in its authors' cleaned lists, TerraIncognita as SWAD's
and MIRO's authors counted their copy (khanrc/miro, issue 9); each adds up to DomainBed's total.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class BenchmarkDomain:
    """One domain. `images` is None where no source states it."""

    folder: str
    images: int | None
    paper_name: str = ""
    """What the paper calls it, where that is not the folder's name."""

    @property
    def name(self) -> str:
        """The paper's name."""
        return self.paper_name or self.folder


@dataclass(frozen=True)
class Benchmark:
    """One benchmark and how the paper trains on it.

    `steps` and `quantize_step` are the paper's. `evaluate_every` are the steps between checkpoints
    in the commands with which SWAD's authors reproduce their tables (khanrc/swad, README), for the
    paper states none: DomainBed's own, 300 and 1,000, do not divide its steps.
    """

    name: str
    folder: str
    domains: tuple[BenchmarkDomain, ...]
    """In DomainBed's order."""
    class_count: int
    images: int
    classes: tuple[str, ...] = ()
    """Empty where the names are not listed here."""
    other_totals: tuple[tuple[int, str], ...] = ()
    """Totals of other copies that go by the same name, and which those are."""
    steps: int = 5000
    quantize_step: int = 2000
    evaluate_every: int = 100
    image_size: int = 224
    images_per_domain: int = 32

    def domain(self, name: str) -> BenchmarkDomain | None:
        """The domain of a folder, however it is spelled."""
        return next((one for one in self.domains if same(one.folder, name)), None)


def same(one: str, other: str) -> bool:
    """Whether two names differ in capitals, spaces, hyphens and underscores alone."""
    return plain(one) == plain(other)


def plain(name: str) -> str:
    """A name without what `same` overlooks."""
    return re.sub(r"[\s_-]", "", name).casefold()


def find(name: str) -> Benchmark | None:
    """The benchmark of that name or folder, however it is spelled."""
    return next((one for one in BENCHMARKS if plain(name) in map(plain, _names(one))), None)


def benchmark_named(name: str) -> Benchmark:
    """The same. Raises ValueError that lists what exists."""
    found = find(name)
    if found is None:
        known = ", ".join(one.name for one in BENCHMARKS)
        raise ValueError(f"No benchmark is called '{name:.40}'. There are: {known}.")
    return found


def _names(benchmark: Benchmark) -> tuple[str, str]:
    return benchmark.name, benchmark.folder


def _domains(**images: int | None) -> tuple[BenchmarkDomain, ...]:
    return tuple(BenchmarkDomain(folder, count) for folder, count in images.items())


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


OFFICE_HOME_CLASSES = _words(
    """Alarm_Clock Backpack Batteries Bed Bike Bottle Bucket Calculator Calendar Candles Chair
    Clipboards Computer Couch Curtains Desk_Lamp Drill Eraser Exit_Sign Fan File_Cabinet Flipflops
    Flowers Folder Fork Glasses Hammer Helmet Kettle Keyboard Knives Lamp_Shade Laptop Marker
    Monitor Mop Mouse Mug Notebook Oven Pan Paper_Clip Pen Pencil Postit_Notes Printer Push_Pin
    Radio Refrigerator Ruler Scissors Screwdriver Shelf Sink Sneakers Soda Speaker Spoon TV Table
    Telephone ToothBrush Toys Trash_Can Webcam"""
)

BENCHMARKS = (
    Benchmark(
        "PACS",
        "PACS",
        _domains(art_painting=2048, cartoon=2344, photo=1670, sketch=3929),
        class_count=7,
        images=9991,
        classes=_words("dog elephant giraffe guitar horse house person"),
    ),
    Benchmark(
        "VLCS",
        "VLCS",
        _domains(Caltech101=1415, LabelMe=2656, SUN09=3282, VOC2007=3376),
        class_count=5,
        images=10_729,
        classes=_words("bird car chair dog person"),
        evaluate_every=50,
    ),
    Benchmark(
        "OfficeHome",
        "office_home",
        (
            *_domains(Art=2427, Clipart=4365, Product=4439),
            BenchmarkDomain("Real World", 4357),
        ),
        class_count=65,
        images=15_588,
        classes=OFFICE_HOME_CLASSES,
    ),
    Benchmark(
        "TerraIncognita",
        "terra_incognita",
        (
            BenchmarkDomain("location_100", 4879, "L100"),
            BenchmarkDomain("location_38", 9767, "L38"),
            BenchmarkDomain("location_43", 4020, "L43"),
            BenchmarkDomain("location_46", 6122, "L46"),
        ),
        class_count=10,
        images=24_788,
        classes=_words("bird bobcat cat coyote dog empty opossum rabbit raccoon squirrel"),
        other_totals=((24_330, "what DomainBed's download has made since 2021"),),
    ),
    Benchmark(
        "DomainNet",
        "domain_net",
        _domains(
            clipart=48_129,
            infograph=51_605,
            painting=72_266,
            quickdraw=172_500,
            real=172_947,
            sketch=69_128,
        ),
        class_count=345,
        images=586_575,
        steps=15_000,
        quantize_step=8000,
        evaluate_every=500,
    ),
    # WILDS' histopathology patches, laid out by qtdog.data.camelyon. The paper does not state its
    # schedule there; the one here is that of the benchmarks above.
    Benchmark(
        "WILDS-Camelyon17",
        "camelyon17",
        tuple(BenchmarkDomain(f"hospital_{center}", None) for center in range(5)),
        class_count=2,
        images=455_954,
        classes=("normal", "tumor"),
    ),
)
