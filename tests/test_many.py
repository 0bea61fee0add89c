"""Several images in one go say what each says alone, and let others in between."""

import threading
import time

import numpy as np
import pytest
from PIL import Image
from tiny import save_set

from qtdog.explorer import IMAGES_AT_ONCE, Explorer
from qtdog.fair_lock import FairLock


@pytest.fixture(scope="module")
def explorer(tmp_path_factory):
    return Explorer(save_set(tmp_path_factory.mktemp("checkpoints"), members=2))


@pytest.fixture(scope="module")
def images():
    random = np.random.default_rng(0)
    sizes = [(90, 120), (64, 64), (30, 200)] * 6
    return [Image.fromarray(random.integers(0, 256, (*size, 3), np.uint8)) for size in sizes]


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


def test_the_lock_goes_to_who_waits_before_its_owner_gets_it_again():
    lock, order = FairLock(), []

    def wait_for_a_turn(name):
        with lock:
            order.append(name)

    for _ in range(50):
        order.clear()
        with lock:
            waiting = threading.Thread(target=wait_for_a_turn, args=("waiting",))
            waiting.start()
            while not lock._next.locked():  # it stands in line now
                time.sleep(0.0001)
        wait_for_a_turn("owner")
        waiting.join()
        assert order == ["waiting", "owner"]


def test_the_owner_may_enter_again_while_others_wait():
    lock, inside = FairLock(), []

    def wait_for_a_turn():
        with lock:
            inside.append("other")

    with lock:
        waiting = threading.Thread(target=wait_for_a_turn)
        waiting.start()
        while not lock._next.locked():
            time.sleep(0.0001)
        with lock:
            inside.append("owner")
        time.sleep(0.01)
        assert inside == ["owner"]  # still held after the inner `with`
    waiting.join(timeout=5)
    assert inside == ["owner", "other"]


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
