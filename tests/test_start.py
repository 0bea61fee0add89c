"""app.py starts whatever the machine around it is like, and cleans up behind itself."""

import os
import signal
import socket
import stat
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from pages import sample
from servers import running_app, server_process
from tiny import save_set

from qtdog import proxies, scratch

gradio_client = pytest.importorskip("gradio_client")


@pytest.fixture(scope="module")
def small_set(tmp_path_factory) -> Path:
    return save_set(tmp_path_factory.mktemp("set"))


@contextmanager
def listening_proxy() -> Iterator[tuple[str, list[bytes]]]:
    """HOST:PORT of a proxy that answers nothing, and what it was asked."""
    asked: list[bytes] = []

    def listen() -> None:
        while True:
            try:
                visitor, _ = proxy.accept()
            except OSError:
                return
            with visitor:
                asked.append(visitor.recv(1000))

    with socket.create_server(("127.0.0.1", 0)) as proxy:
        threading.Thread(target=listen, daemon=True).start()
        yield f"127.0.0.1:{proxy.getsockname()[1]}", asked


@pytest.mark.thorough
@pytest.mark.parametrize(
    "variables",
    [
        {"HTTP_PROXY": "http://{}", "ALL_PROXY": "socks5://{}", "NO_PROXY": "fe80::/10,lab.org"},
        pytest.param(
            {"http_proxy": "socks5h://{}", "https_proxy": "{}", "all_proxy": "socks://{}/"},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_with_proxies_it_starts_and_asks_none_for_itself(variables, small_set):
    with listening_proxy() as (proxy, asked):
        set_to = {name: text.format(proxy) for name, text in variables.items()}
        with running_app(small_set, **set_to) as address:
            assert b"QT-DoG" in urllib.request.urlopen(address).read()
            time.sleep(2)  # what reports its use does so from a thread of its own
        assert asked == []


def settled(monkeypatch, **variables: str) -> tuple[list[str], dict[str, str]]:
    """What `settle` says, and the proxies that are left."""
    environment = {name: text for name, text in os.environ.items() if "proxy" not in name.lower()}
    with monkeypatch.context() as patch:
        for name in set(os.environ) - set(environment):
            patch.delenv(name)
        for name in (f"{kind}_proxy" for kind in ("http", "https", "all", "no")):
            patch.setenv(name, "")  # so that what is set below is taken back
            patch.delenv(name)
        for name, text in variables.items():
            patch.setenv(name, text)
        said = proxies.settle()
        httpx.Client().close()  # as gradio does when it is imported
        return said, {n: text for n, text in os.environ.items() if n.lower().endswith("_proxy")}


def test_a_proxy_that_can_be_used_stays_and_loopback_is_reached_directly(monkeypatch):
    said, left = settled(monkeypatch, HTTPS_PROXY="proxy:3128", NO_PROXY="lab.org, localhost")
    assert said == []
    assert left == {"https_proxy": "proxy:3128", "no_proxy": "lab.org,localhost,127.0.0.1,::1"}


def test_without_proxies_nothing_is_set(monkeypatch):
    assert settled(monkeypatch, no_proxy="lab.org") == ([], {"no_proxy": "lab.org"})


@pytest.mark.parametrize("address", ["socks://me:secret@host:1", "http://me:secret@host:port"])
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(address, monkeypatch):
    (said,), left = settled(monkeypatch, all_proxy=address, HTTP_PROXY="http://host:1")
    assert said.startswith("The proxy that ALL_PROXY names is not used: ")
    assert "secret" not in said
    assert left == {"http_proxy": "http://host:1", "no_proxy": "localhost,127.0.0.1,::1"}


def test_what_no_proxy_cannot_mean_is_named(monkeypatch):
    said, left = settled(monkeypatch, all_proxy="http://host:1", no_proxy="fe80::/10,10.0.0.0/8")
    assert said == ["NO_PROXY's fe80::/10 is not used: it is neither a name nor an address."]
    assert left["no_proxy"] == "10.0.0.0/8,localhost,127.0.0.1,::1"


def cut_off_upload(address: str) -> None:
    """Promises a megabyte, sends the beginning, goes away."""
    place = urlsplit(address)
    head = (
        "POST /gradio_api/upload HTTP/1.1\r\nHost: {}\r\nContent-Length: 1000000\r\n"
        "Content-Type: multipart/form-data; boundary=edge\r\n\r\n--edge\r\n"
        'Content-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    )
    with socket.create_connection((place.hostname, place.port)) as visitor:
        visitor.sendall(head.format(place.netloc).encode() + bytes(100_000))
        time.sleep(0.5)


def hold_folder(parent: Path) -> None:
    """In a process: makes its folder in `parent` and waits to be killed."""
    os.environ["GRADIO_TEMP_DIR"] = str(parent)
    (scratch.use_own_folder() / "big.bin").write_bytes(bytes(1000))
    (parent / f"ready-{os.getpid()}").touch()
    time.sleep(600)


def holding(start, parent: Path):
    """Such a process, ready."""
    process = start(hold_folder, parent)
    until(lambda: (parent / f"ready-{process.pid}").exists())
    return process


def until(condition, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.05)


def own_folders(parent: Path) -> set[Path]:
    return set(parent.glob(f"{scratch.PREFIX}*"))


@pytest.mark.thorough
def test_the_temporary_folder_is_its_own_and_nothing_is_left_of_it(small_set, start, tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    (temporary / "gradio").write_text("somebody else's")  # where Gradio keeps uploads
    killed = holding(start, temporary)
    (of_killed,) = own_folders(temporary)
    living = holding(start, temporary)
    (of_living,) = own_folders(temporary) - {of_killed}
    killed.kill()
    killed.join()

    variables = {"TMPDIR": str(temporary), "GRADIO_TEMP_DIR": ""}
    with running_app(small_set, **variables) as address:
        assert not of_killed.exists()
        assert of_living.exists()
        (own,) = own_folders(temporary) - {of_living}
        assert stat.S_IMODE(own.stat().st_mode) == 0o700

        client = gradio_client.Client(address, verbose=False)
        picture = gradio_client.handle_file(str(sample("dog-line").path))
        assert len(client.predict(picture, "pacs/sketch", api_name="/classify")) == 3
        uploads = own / "gradio"
        assert list(uploads.rglob("dog-line*"))

        cut_off_upload(address)
        until(lambda: list(uploads.glob("tmp*")))
        scratch.remove_cut_off(uploads)
        assert list(uploads.glob("tmp*")), "it may still be coming"
        scratch.remove_cut_off(uploads, seconds=0)
        assert not list(uploads.glob("tmp*"))
        assert list(uploads.rglob("dog-line*"))

        server = server_process(address)
        os.kill(int(server.name), signal.SIGTERM)
        until(lambda: not own.exists())
    assert own_folders(temporary) == {of_living}
    assert living.is_alive()
    assert (temporary / "gradio").read_text() == "somebody else's"


@pytest.mark.thorough
def test_folders_of_others_and_of_a_process_that_is_starting_stay(start, tmp_path):
    starting = tmp_path / f"{scratch.PREFIX}1"
    starting.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / f"{scratch.PREFIX}2").symlink_to(elsewhere)
    scratch.remove_left_behind(tmp_path)
    assert starting.exists()
    assert elsewhere.exists()
    old = time.time() - scratch.UNLOCKED_SECONDS - 60
    os.utime(starting, (old, old))
    os.utime(elsewhere, (old, old))
    scratch.remove_left_behind(tmp_path)
    assert not starting.exists()
    assert elsewhere.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a folder to somebody else")
def test_a_folder_of_another_user_stays(tmp_path):
    other = tmp_path / f"{scratch.PREFIX}1"
    other.mkdir()
    os.chown(other, 12345, 12345)
    old = time.time() - scratch.UNLOCKED_SECONDS - 60
    os.utime(other, (old, old))
    scratch.remove_left_behind(tmp_path)
    assert other.exists()
