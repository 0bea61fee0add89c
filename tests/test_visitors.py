"""Many visitors at once, on every tab: not one request fails."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from servers import ROOT, running_app
from tabs import SHOWS
from visitors import EVENTS, Visitor

VISITORS = 12
FEWER = 4
"""In the default suite."""
SECONDS = 120
WITH_FILES = ("results", "landscape")


def visit_together(address: str, visitors: int, visit: Callable[[Visitor, int], int]) -> int:
    """`visit` by so many visitors at the same time: the number of their requests."""
    begin = threading.Barrier(visitors)

    def one(number: int) -> int:
        visitor = Visitor(address)
        begin.wait(timeout=60)
        return visit(visitor, number)

    with ThreadPoolExecutor(visitors) as threads:
        return sum(threads.map(one, range(visitors)))


def test_every_tab_is_visited():
    assert set(EVENTS) == set(SHOWS)


@pytest.mark.thorough
def test_visitors_at_once_get_every_tab_and_every_file():
    def files_and_a_tab(visitor: Visitor, number: int) -> int:
        # All the same files at the same moment, none of which is there yet; then each another tab.
        files = sum(map(visitor.visit, WITH_FILES))
        return files + visitor.visit([*EVENTS][number % len(EVENTS)])

    with running_app(ROOT / "checkpoints") as address:
        # Results: three answers and a file; Landscape: one and two files.
        assert visit_together(address, FEWER, files_and_a_tab) > FEWER * 7


@pytest.mark.slow
def test_twelve_visitors_for_two_minutes_on_every_tab():
    end = 0.0

    def stay(visitor: Visitor, number: int) -> int:
        nonlocal end
        end = end or time.monotonic() + SECONDS
        tabs, requests = [*EVENTS], 0
        while time.monotonic() < end:
            requests += visitor.visit(tabs[number % len(tabs)])
            number += 1
        return requests

    with running_app(ROOT / "checkpoints") as address:
        requests = visit_together(address, VISITORS, stay)
    print(f"\n{requests} requests of {VISITORS} visitors in {SECONDS} s, none failed.")
    assert requests > VISITORS * len(EVENTS)
