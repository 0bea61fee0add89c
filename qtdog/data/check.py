"""Whether a folder is the benchmark that it claims to be: domains, classes, counts, images."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from qtdog import cores
from qtdog.data.benchmarks import BENCHMARKS, Benchmark, find, plain, same
from qtdog.data.differences import Count, differences
from qtdog.data.folders import IMAGE_SUFFIXES, DataError, readable_name
from qtdog.data.repeats import repeated
from qtdog.data.tree import Tree
from qtdog.images import FORMATS, ImageError, read_image

QUICK_SIDE, QUICK_PIXELS = 64, 20_000_000
IMAGES_AT_A_TIME = 4096


@dataclass(frozen=True)
class Findings:
    """What a folder holds and in what it differs from what it claims to be."""

    root: Path
    benchmark: Benchmark | None
    """None for a dataset of one's own: then only the layout and the images are checked."""
    counts: tuple[Count, ...]
    """A line for each domain that is there or should be."""
    classes: tuple[str, ...]
    differences: tuple[str, ...]
    """A sentence for each thing that differs; none: the folder is what it claims."""

    @property
    def images(self) -> int:
        """Readable images of all domains."""
        return sum(count.readable for count in self.counts)


def check_folder(root: Path, claim: Benchmark | None = None, decode: bool = True) -> Findings:
    """Compare `root`/domain/class/image with a benchmark: with `claim`, else with the one that the
    folder is called after, else with the one that its domains look like.

    With `decode` every image is decoded, as training will; without, only files that are no images
    by their name. Raises DataError where there is no such folder.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"The data folder {root} does not exist.")
    tree = Tree.of(root)
    claim, looks = claim or find(root.resolve().name), looks_like(tree)
    benchmark = claim or looks
    doubtful = [
        path for path in tree.paths() if decode or path.suffix.lower() not in IMAGE_SUFFIXES
    ]
    broken = _unreadable(doubtful) if doubtful else {}
    counts = _counts(tree, benchmark, broken)
    sentences = differences(tree, benchmark, looks, counts, broken, repeated(tree))
    classes = sorted(map(readable_name, tree.classes()))
    return Findings(root, benchmark, counts, tuple(classes), tuple(map(readable_name, sentences)))


def looks_like(tree: Tree) -> Benchmark | None:
    """The benchmark that shares most domains, at least half of its own; then most classes."""

    def shared(benchmark: Benchmark) -> tuple[float, int]:
        domains = sum(benchmark.domain(name) is not None for name in tree.images)
        known = set(map(plain, benchmark.classes))
        return domains / len(benchmark.domains), sum(plain(c) in known for c in tree.classes())

    best = max(BENCHMARKS, key=shared)
    return best if shared(best)[0] >= 0.5 else None


def _counts(tree: Tree, benchmark: Benchmark | None, broken: dict[Path, str]) -> tuple[Count, ...]:
    lines = []
    for name, labels in tree.images.items():
        files = [path for label in labels.values() for path in label]
        bad = sum(path in broken for path in files)
        known = benchmark.domain(name) if benchmark else None
        lines.append(
            Count(readable_name(name), known.images if known else None, len(files) - bad, bad)
        )
    for one in benchmark.domains if benchmark else ():
        if not any(same(one.folder, name) for name in tree.images):
            lines.append(Count(one.folder, one.images, 0, 0))
    return tuple(lines)


def _unreadable(paths: Sequence[Path]) -> dict[Path, str]:
    """Path -> what is wrong, for the images that training would leave out."""
    Image.init()
    found = {}
    with (
        ThreadPoolExecutor(cores.count()) as pool,
        tqdm(total=len(paths), desc="decoding", unit="image") as bar,
    ):
        for start in range(0, len(paths), IMAGES_AT_A_TIME):
            part = paths[start : start + IMAGES_AT_A_TIME]
            for path, problem in zip(part, pool.map(_problem, part), strict=True):
                bar.update()
                if problem:
                    found[path] = problem
    return found


def _problem(path: Path) -> str:
    """What `read_image` says against a file; empty for a sound one.

    It is asked only where decoding the whole file to a small copy fails, which is faster: it reads
    one picture at a time, and large.
    """
    formats = [name for name in FORMATS if name in Image.OPEN and name != "TIFF"]
    try:
        with Image.open(path, formats=formats) as image:
            if image.width * image.height <= QUICK_PIXELS:
                image.draft(None, (QUICK_SIDE, QUICK_SIDE))
                image.load()
                return ""
    except Exception:  # Pillow lets out whatever its parsers meet
        pass
    try:
        read_image(path)
    except ImageError as error:
        return str(error)
    return ""
