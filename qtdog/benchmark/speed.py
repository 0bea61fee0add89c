"""Time and size against what a user would have instead, measured in one run, as ratios."""

from pathlib import Path

from qtdog import checkpoints, cores
from qtdog.benchmark.answers import compare_answers, compare_many
from qtdog.benchmark.comparison import Comparison
from qtdog.benchmark.evaluating import compare_evaluation
from qtdog.benchmark.loading import compare_loading, compare_unpacking
from qtdog.benchmark.page import compare_pages
from qtdog.benchmark.training_step import compare_training_steps


def measure_speed(folder: Path) -> list[Comparison]:
    """Compare the checkpoints of one held-out domain with plain torchvision in eager mode.

    `folder`: root/dataset/target; the page is started with the whole set at `root`, and all of it
    is evaluated. Raises ValueError for a domain without ERM and EoQ.
    """
    by_method = {}
    for found in checkpoints.find(folder):
        config = checkpoints.load_config(found)
        if not config.added_methods:
            by_method.setdefault(config.method, found)
    if missing := {"erm", "eoq"} - by_method.keys():
        raise ValueError(f"{folder} lacks a checkpoint of the method {', '.join(sorted(missing))}.")
    root, target = folder.parents[1], f"{folder.parent.name}/{folder.name}"
    pages = compare_pages(root, target)  # first: this process holds little memory yet
    erm, eoq = (checkpoints.load(by_method[method]) for method in ("erm", "eoq"))
    with cores.pool(1, "image") as pool:  # one thread an operation, as on the page
        answers = pool.submit(compare_answers, erm, eoq).result()
    return [
        *answers,
        compare_many(eoq),
        *compare_loading(erm, eoq),
        *pages,
        compare_evaluation(checkpoints.find(root)),
        compare_training_steps(erm),
        *compare_unpacking(eoq.config.bits),
    ]
