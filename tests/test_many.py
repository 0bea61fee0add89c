"""Several images in one go say what each says alone, and let others in between."""

import threading
import time

import numpy as np
import pytest
from PIL import Image
from tiny import save_set

from qtdog.explorer import Explorer
from qtdog.explorer.explorer import IMAGES_AT_ONCE
from qtdog.fair_lock import HEAVY_SHARE, FairLock


@pytest.fixture(scope="module")
def explorer(tmp_path_factory):
    return Explorer(save_set(tmp_path_factory.mktemp("checkpoints"), members=2))


@pytest.fixture(scope="module")
def images():
    random = np.random.default_rng(0)
    sizes = [(90, 120), (64, 64), (30, 200)] * 6
    return [Image.fromarray(random.integers(0, 256, (*size, 3), np.uint8)) for size in sizes]


@pytest.mark.thorough
def test_many_images_get_the_answers_of_each_alone(explorer, images):
    many = explorer.classify_many(images, "pacs/sketch")
    assert len(many) == len(images) > 2 * IMAGES_AT_ONCE
    assert len({one[0].probabilities for one in many}) == len(images)
    for image, answers in zip(images, many, strict=True):
        alone = explorer.classify(image, "pacs/sketch")
        assert [one.model for one in answers] == ["Full precision", "QT-DoG", "EoQ"]
        for one, expected in zip(answers, alone, strict=True):
            assert one.measured == expected.measured
            np.testing.assert_allclose(one.probabilities, expected.probabilities, atol=1e-4)
            assert len(one.members) == len(expected.members)
            if one.members:
                np.testing.assert_allclose(one.members, expected.members, atol=1e-4)


def test_no_image_is_no_question(explorer):
    assert explorer.classify_many([], "pacs/sketch") == []
    with pytest.raises(ValueError, match="There are: pacs/sketch"):
        explorer.classify_many([], "pacs/nowhere")


def _wait_until(true):
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.0005)


def test_the_lock_is_handed_on_in_the_order_of_asking():
    lock, order = FairLock(), []

    def wait_for_a_turn(name):
        with lock:
            order.append(name)

    with lock:
        line = []
        for name in range(6):
            line.append(threading.Thread(target=wait_for_a_turn, args=(name,)))
            line[-1].start()
            _wait_until(lambda: lock.waiting == len(line))
    wait_for_a_turn("who gave it up")
    for thread in line:
        thread.join(timeout=20)
    assert order == [*range(6), "who gave it up"]


def test_the_owner_may_enter_again_while_others_wait():
    lock, inside = FairLock(), []

    def wait_for_a_turn():
        with lock:
            inside.append("other")

    with lock:
        waiting = threading.Thread(target=wait_for_a_turn)
        waiting.start()
        _wait_until(lambda: lock.waiting == 1)
        with lock, lock.heavy():
            inside.append("owner")
        time.sleep(0.01)
        assert inside == ["owner"]  # still held after the inner `with`
    waiting.join(timeout=5)
    assert inside == ["owner", "other"]


@pytest.mark.parametrize("long_jobs", [1, 3])
def test_long_jobs_get_their_share_of_a_busy_lock_and_no_more(long_jobs):
    """Quick work always waits, so the share is exact but for the last piece."""
    lock, over = FairLock(), threading.Event()
    spent = {"quick": 0.0, "heavy": 0.0}
    longest_wait = 0.0

    def quick():
        nonlocal longest_wait
        while not over.is_set():
            asked = time.perf_counter()
            with lock:
                got = time.perf_counter()
                time.sleep(0.002)
                spent["quick"] += time.perf_counter() - got
                longest_wait = max(longest_wait, got - asked)

    def heavy():
        while not over.is_set():
            with lock.heavy():
                got = time.perf_counter()
                time.sleep(0.02)
                spent["heavy"] += time.perf_counter() - got

    workers = [threading.Thread(target=quick) for _ in range(3)]
    workers += [threading.Thread(target=heavy) for _ in range(long_jobs)]
    for worker in workers:
        worker.start()
    time.sleep(1.2)
    over.set()
    for worker in workers:
        worker.join(timeout=20)
    share = spent["heavy"] / sum(spent.values())
    assert HEAVY_SHARE / 2 < share < HEAVY_SHARE * 1.5
    assert longest_wait < 0.2  # one heavy piece and two quick ones, on a busy machine


def test_a_long_job_has_an_idle_lock_to_itself():
    lock = FairLock()
    start = time.perf_counter()
    for _ in range(20):
        with lock.heavy():
            time.sleep(0.005)
    assert time.perf_counter() - start < 20 * 0.005 / HEAVY_SHARE / 2


def test_the_lock_lets_in_one_at_a_time_and_survives_errors():
    lock, counts = FairLock(), {"in": 0, "done": 0}

    def work():
        for _ in range(200):
            try:
                with lock:
                    counts["in"] += 1
                    assert counts["in"] == 1
                    counts["done"] += 1
                    counts["in"] -= 1
                    raise KeyError
            except KeyError:
                pass

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=20)
    assert counts == {"in": 0, "done": 1600}
