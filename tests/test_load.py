"""Thirty-two users at once: nobody gets another's answer, the server adds little, memory is steady.

`python -m pytest -m slow tests/test_load.py -s` prints the figures.
"""

import contextlib
import os
import re
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from servers import ROOT, running_app

from qtdog import checkpoints, models
from qtdog.explorer import Explorer
from qtdog.images import read_image

USERS, PICTURES = 32, 10
BARE = 40  # pictures for the time without a server
LEAST_THROUGHPUT = 0.8  # of the plain networks in eager mode, one picture after the other
MOST_GROWTH = 64 * 2**20  # bytes of memory from the first half of the requests to the second
CHECKPOINTS = ROOT / "checkpoints"

gradio_client = pytest.importorskip("gradio_client")


def draw(folder: Path, user: int, turn: int) -> Path:
    """A picture like no other user's: the answer shows whose it is."""
    random = np.random.default_rng((user, turn))
    pixels = random.integers(0, 256, (6, 6, 3), np.uint8)
    path = folder / f"{user}-{turn}.png"
    Image.fromarray(pixels).resize((128, 128), Image.Resampling.BICUBIC).save(path)
    return path


def server_process(address: str) -> Path:
    """The folder in /proc of the process that listens at `address`."""
    port = re.search(r":(\d+)/", address)[1].encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if b"app.py" in words and port in words:
                return folder
    raise AssertionError("the server's process is not there")


def memory(process: Path) -> int:
    """Resident bytes."""
    return int((process / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def processor_seconds(process: Path) -> float:
    """On all cores, since the start."""
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@torch.inference_mode()
def plain_seconds(service: Explorer, key: str, images: list[Image.Image]) -> float:
    """Processor time a picture of the same networks in eager mode, one after the other."""
    by_method = {one.config.method: one for one in reversed(service.checkpoints(key))}
    loaded = [checkpoints.load(by_method[method].folder) for method in ("erm", "eoq")]
    networks = [network for checkpoint in loaded for network in checkpoint.networks]
    networks.append(loaded[1].networks[0])  # QT-DoG
    config = loaded[0].config
    inputs = [models.preprocess(one, config.image_size, config.mean, config.std) for one in images]
    for network in networks:
        network(inputs[0])
    used = time.process_time()
    for image in inputs:
        for network in networks:
            network(image)
    return (time.process_time() - used) / len(images)


@pytest.mark.slow
def test_32_users_get_their_own_answers_at_the_models_speed(tmp_path):
    service = Explorer(CHECKPOINTS)
    key = service.targets()[0].key
    service.load(key)
    files = {(user, turn): draw(tmp_path, user, turn)
             for user in range(USERS) for turn in range(PICTURES)}  # fmt: skip
    bare = [read_image(draw(tmp_path, USERS, turn)) for turn in range(BARE)]
    start, used = time.perf_counter(), time.process_time()
    for image in bare:
        service.classify(image, key)
    service_rate = BARE / (time.perf_counter() - start)
    service_seconds = (time.process_time() - used) / BARE
    bare_seconds = plain_seconds(service, key, bare)
    expected = {
        place: [one.probabilities for one in service.classify(read_image(path), key)]
        for place, path in files.items()
    }
    assert len({str(answer) for answer in expected.values()}) == len(files)

    with running_app(CHECKPOINTS) as address:
        patient = {"timeout": 120}
        clients = [
            gradio_client.Client(address, verbose=False, httpx_kwargs=patient) for _ in range(USERS)
        ]
        clients[0].predict(gradio_client.handle_file(str(files[0, 0])), key, api_name="/classify")
        seconds: list[float] = []
        resident: list[int] = []
        process = server_process(address)
        begin = threading.Barrier(USERS)

        def use(user: int) -> None:
            begin.wait()
            for turn in range(PICTURES):
                asked = time.perf_counter()
                answer = clients[user].predict(
                    gradio_client.handle_file(str(files[user, turn])), key, api_name="/classify"
                )
                seconds.append(time.perf_counter() - asked)
                got = [one["probabilities"] for one in answer]
                np.testing.assert_allclose(got, expected[user, turn], atol=1e-4)
                if user == 0:
                    resident.append(memory(process))

        start, used = time.perf_counter(), processor_seconds(process)
        with ThreadPoolExecutor(USERS) as users:
            list(users.map(use, range(USERS)))
        rate = len(seconds) / (time.perf_counter() - start)
        server_seconds = (processor_seconds(process) - used) / len(seconds)

    p95 = statistics.quantiles(seconds, n=20)[-1]
    growth = max(resident) - resident[PICTURES // 2]
    print(
        f"\n{len(seconds)} answers, all right. Processor time an answer: server "
        f"{server_seconds * 1e3:.0f} ms, service alone {service_seconds * 1e3:.0f} ms, bare "
        f"networks {bare_seconds * 1e3:.0f} ms ({bare_seconds / server_seconds:.2f}x).\n"
        f"{rate:.1f} answers a second with the users on the same cores, {service_rate:.1f} of the "
        f"service without them. Wait: median {statistics.median(seconds):.2f} s, p95 {p95:.2f} s.\n"
        f"Memory: {resident[0] / 2**20:.0f} MB, grew by {growth / 2**20:.0f} MB."
    )
    assert len(seconds) == USERS * PICTURES
    assert growth < MOST_GROWTH
    # The users share the server's cores and need more of them than the server does (Python's
    # gradio_client takes about 0.1 s an answer), so throughput is compared in processor time.
    assert bare_seconds / server_seconds > LEAST_THROUGHPUT
