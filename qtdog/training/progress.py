"""Progress bars of training, with the time left; of several processes the first shows them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tqdm import tqdm

from qtdog.training import parallel

if TYPE_CHECKING:
    from qtdog.training.config import TrainConfig


@contextmanager
def progress_bar(steps: int, title: str) -> Iterator[Callable[[int, str], None]]:
    """A bar that starts where an interrupted run goes on."""
    with tqdm(total=steps, desc=title, unit="step", disable=not parallel.leads()) as bar:
        yield lambda step, text: _advance(bar, step, text)


def sweep_progress(config: "TrainConfig") -> Callable[[int, str], None]:
    """A bar for one of many runs, closed after its last step."""
    bar = tqdm(total=config.steps, unit="step", disable=not parallel.leads())
    bar.set_description(f"{config.target_domain} {config.method_name()} seed {config.seed}")

    def show(step: int, text: str) -> None:
        _advance(bar, step, text)
        if step == config.steps:
            bar.close()

    return show


def _advance(bar: tqdm, step: int, text: str) -> None:
    if bar.n == 0 and step > 1:
        bar.initial = bar.n = step - 1
        bar.refresh()
    bar.set_postfix_str(text, refresh=False)
    bar.update(step - bar.n)
