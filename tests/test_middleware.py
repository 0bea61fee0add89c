"""What every answer carries, who is answered at all, and that the page still works in a browser."""

import shutil
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import urlsplit

import gradio as gr
import pytest
from gradio.routes import App
from pages import PATIENCE_MS, opening, sample
from requests_to import ask, ask_in_turn, fetch, upload
from servers import running
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from tabs import SHOWS
from tiny import save_set

from qtdog.explorer.opening import NO_SUCH_ADDRESS
from qtdog.reach import Names, names_this_machine, on_loopback, only_here
from qtdog.ui.guarded import GuardedBlocks
from qtdog.ui.middleware import (
    DISK_IS_FULL,
    HEADERS,
    LEAST_FREE_BYTES,
    NOT_SERVED,
    NOT_THIS_SERVER,
    Guard,
)
from qtdog.ui.quiet import Asked

HERE = ("localhost", "localhost:7860", "LOCALHOST:1", "127.0.0.1:1", "127.9.9.9", "[::1]:7860")
# The first four mean this machine, too, but Gradio takes them for public names, whose answers any
# page may read.
ELSEWHERE = ("x.localhost:7860", "localhost.:7860", "LOCALHOST.", "0.0.0.0:7860")
ELSEWHERE += ("evil.example", "localhost.evil.example:7860", "127.0.0.1.evil.example", "10.0.0.1")
ELSEWHERE += ("localhost:7860@evil.example", "[::1].evil.example", "lab.org", "", "[]", "::1")
LAB = "https://lab.org/qtdog"


@pytest.fixture(scope="module")
def root(shared_set):
    return shared_set


@pytest.fixture(scope="module")
def address(shared_app):
    return shared_app


def guarded(names: Names) -> TestClient:
    """A server behind the guard that says "hello"."""
    hello = Starlette(routes=[Route("/", lambda _: PlainTextResponse("hello"))])
    return TestClient(Guard(hello, names, Asked()))


def test_uploads_never_fill_the_disk(monkeypatch, tmp_path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "not" / "yet"))
    routes = [Route("/gradio_api/upload", lambda _: PlainTextResponse("taken"), methods=["POST"])]
    client = TestClient(Guard(Starlette(routes=routes), Names(any=True), Asked()))
    free = LEAST_FREE_BYTES + 1000
    asked = []

    def disk_usage(folder):
        asked.append(folder)
        return SimpleNamespace(free=free)

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    assert client.post("/gradio_api/upload", content=b"x" * 1000).text == "taken"
    refused = client.post("/gradio_api/upload", content=b"x" * 1001)
    assert (refused.status_code, refused.text) == (507, DISK_IS_FULL)
    free = LEAST_FREE_BYTES - 1
    assert client.post("/gradio_api/upload", content=iter([b"x"])).text == DISK_IS_FULL
    assert {*asked} == {tmp_path}, "the disk on which the folder will be"


@pytest.mark.parametrize("host", [*HERE, *ELSEWHERE])
def test_at_home_only_this_machines_names_are_answered(host):
    assert names_this_machine(host) is (host in HERE)
    refused = guarded(Names()).get("/", headers={"Host": host})
    assert (refused.text == "hello") is (host in HERE)
    assert refused.text in ("hello", NOT_THIS_SERVER)
    open_to_all = guarded(Names(any=True)).get("/", headers={"Host": host})
    assert open_to_all.text == "hello"
    for answer in (refused, open_to_all):
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS


@pytest.mark.parametrize(
    ("origin", "ours"),
    [
        ("http://localhost:7860", True),
        ("https://127.0.0.1", True),
        ("http://[::1]:1", True),
        ("https://evil.example", False),
        ("http://x.localhost:7860", False),
        ("file://localhost", False),
        ("localhost:7860", False),
        ("null", False),
        ("", False),
    ],
)
def test_at_home_another_sites_page_is_not_answered(origin, ours):
    asking = {"Host": "localhost:7860", "Origin": origin}
    assert (guarded(Names()).get("/", headers=asking).text == "hello") is ours
    assert guarded(Names(any=True)).get("/", headers=asking).text == "hello"


@pytest.mark.parametrize(
    "host", ["localhost:7860", "x.localhost:7860", "[::1]:7860", "evil.example"]
)
def test_no_page_of_another_site_reads_an_answer_or_hears_that_it_may_ask(host):
    with GuardedBlocks() as page:
        gr.Button()
    page.server_app = App.create_app(page)
    client = TestClient(page.server_app, base_url="http://localhost:7860")
    foreign = {"Host": host, "Origin": "https://evil.example"}
    asking = {**foreign, "Access-Control-Request-Method": "POST"}
    for answer in (
        client.options("/gradio_api/queue/join", headers=asking),
        client.get("/config", headers=foreign),
        client.post("/gradio_api/run/open_models", headers=foreign, json={"data": ["/etc"]}),
    ):
        assert (answer.status_code, answer.text) == (421, NOT_THIS_SERVER)
        assert "access-control-allow-origin" not in answer.headers
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    ours = {"Host": "localhost:7860", "Origin": "http://localhost:7860"}
    assert client.get("/config", headers=ours).status_code == 200


def test_no_visitor_has_a_session_written_to_disk(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    with GuardedBlocks() as page:
        gr.Textbox()
    page.server_app = App.create_app(page)
    assert page.server_app.state_holder["mine"] is not None, "a session that the server knows"
    client = TestClient(page.server_app, base_url="http://localhost:7860")
    for asked in ("deep_link?session_hash=mine", "deep_link/?session_hash=mine"):
        answer = client.get(f"/gradio_api/{asked}")
        assert (answer.status_code, answer.text) == (403, NOT_SERVED)
    assert not list(tmp_path.rglob("state.json"))


def test_a_page_behind_a_proxy_is_answered_under_the_address_that_it_was_given(monkeypatch):
    monkeypatch.delenv("GRADIO_ROOT_PATH", raising=False)
    for known in (Names.of(None, "/qtdog"), Names.of("127.0.0.1", "https://other.org")):
        assert known.hold("127.0.0.1:7860")
        assert not known.hold("lab.org")
        assert not known.hold_origin("https://lab.org")
    monkeypatch.setenv("GRADIO_ROOT_PATH", "https://LAB.org:8443/qtdog")
    for known in (Names.of(None, LAB), Names.of()):
        assert all(map(known.hold, ("lab.org", "lab.org:8443", "localhost:7860")))
        assert known.hold_origin("https://lab.org")
        for host in ("x.lab.org", "lab.org.evil.example", "evil.example", ""):
            assert not known.hold(host)
            assert not known.hold_origin(f"https://{host}")
    assert Names.of("0.0.0.0", "/qtdog").hold("anything.example")
    assert not Names.of(None, "/qtdog").hold("")


def test_who_can_reach_the_page(monkeypatch):
    for name in ("SPACE_ID", "GRADIO_SHARE", "GRADIO_ROOT_PATH", "GRADIO_SERVER_NAME"):
        monkeypatch.delenv(name, raising=False)
    assert only_here()
    assert only_here("localhost")
    assert only_here("::1") == on_loopback("[::1]")
    assert not only_here("0.0.0.0")
    assert not only_here("::")
    assert not only_here("192.0.2.1")
    assert not only_here(None, "/qtdog")
    for name, value in (
        ("SPACE_ID", "somebody/explorer"),
        ("GRADIO_SHARE", "True"),
        ("GRADIO_ROOT_PATH", "/qtdog"),
        ("GRADIO_SERVER_NAME", "0.0.0.0"),
    ):
        with monkeypatch.context() as set_for_now:
            set_for_now.setenv(name, value)
            assert not only_here(), name


def test_the_running_page_has_the_headers_everywhere_and_knows_its_own_name(address):
    for path in ("", "config", "gradio_api/info", "theme.css", "favicon.ico", "gradio_api/nothing"):
        try:
            answer = urllib.request.urlopen(f"{address}{path}")
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            assert {name: answer.headers[name] for name in HEADERS} == HEADERS, path
    port = urlsplit(address).port
    for path in ("", "config", "gradio_api/info", "gradio_api/queue/data?session_hash=a"):
        status, content = fetch(f"{address}{path}", Host=f"rebound.example:{port}")
        assert (status, content.decode()) == (421, NOT_THIS_SERVER), path
    status, content = fetch(
        f"{address}gradio_api/run/checkpoint_source", {"data": []}, Host="rebound.example"
    )
    assert (status, content.decode()) == (421, NOT_THIS_SERVER)
    assert fetch(address, Host=f"localhost:{port}")[0] == 200


@pytest.mark.thorough
def test_a_page_that_others_reach_answers_to_any_name_and_opens_no_folder(root, tmp_path):
    (tmp_path / "secret-name").mkdir()
    command = ["app.py", "--checkpoints", str(root), "--host", "0.0.0.0", "--port"]
    with running(command) as address:
        assert fetch(address, Host="explorer.example")[0] == 200
        for folder in (tmp_path, root, tmp_path / "nowhere", "/etc", "~", "tests", ""):
            told = ask(address, "open_models", [str(folder)])
            assert told.get("error") == NO_SUCH_ADDRESS, folder


def test_at_home_a_folder_opens_and_no_sentence_says_where_it_lies(address, root, tmp_path):
    kind, (opened,) = ask_in_turn(address, "open_models", [str(root)])
    assert (kind, opened["origin"]["kind"], opened["origin"]["name"]) == (
        "complete",
        "folder",
        root.name,
    )
    picture = upload(address, sample("dog-pencil").path)
    answers = ask(address, "classify_opened", [opened["key"], {"path": picture}, ""])["data"][0]
    assert [one["model"] for one in answers] == [f"QT-DoG, {root.name}", f"EoQ, {root.name}"]
    assert str(root) not in str((opened, answers))
    broken = save_set(tmp_path / "broken", members=1)
    for file in broken.rglob("model.safetensors"):
        file.write_bytes(b"nothing")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "elsewhere").symlink_to("/etc")
    (tmp_path / "empty").mkdir()
    for name in ("broken", "linked", "empty", "nowhere", "x" * 5000, "nul\0"):
        kind, told = ask_in_turn(address, "open_models", [str(tmp_path / name)])
        assert kind == "error"
        assert told["error"].endswith("."), told
        assert str(tmp_path) not in told["error"]


@pytest.fixture
def framing(address):
    """The address of a page of another origin that shows ours in a frame, as a Space is shown."""

    class Outer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            html = (
                f'<title>outer</title><iframe src="{address}" width="1200" height="800"></iframe>'
            )
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode() if self.path == "/" else b"")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Outer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@pytest.mark.thorough
def test_a_page_of_another_origin_may_show_it_in_a_frame(browser, framing):
    page = browser.new_page()
    page.goto(framing)
    inside = page.frame_locator("iframe")
    inside.locator(f"{SHOWS['try']} >> visible=true").first.wait_for(timeout=PATIENCE_MS)
    inside.get_by_role("button", name="Guitar, pencil").click()
    inside.locator("#picture img[alt*='uitar']").wait_for(timeout=PATIENCE_MS)
    page.close()


@pytest.mark.thorough
def test_no_tab_and_no_action_breaks_the_policy(browser, address):
    """`opening` fails on any complaint, which each violation is; here they are counted too."""
    with opening(browser, address) as open_one:
        page = open_one()
        page.evaluate(
            """() => { window.violated = [];
            document.addEventListener("securitypolicyviolation", (event) =>
                window.violated.push(`${event.violatedDirective} ${event.blockedURI}`)); }"""
        )
        page.wait_for_selector("#answers .card")
        page.locator("#picture button[aria-label='Remove Image']").click()
        page.locator("#picture input[type=file]").set_input_files(sample("horse-painting").path)
        page.locator("#picture img").wait_for()
        page.get_by_label("Show where each model looks").check()
        page.wait_for_selector(".look img")
        for name, shows in SHOWS.items():
            page.locator(f"#tabs [role=tab][data-tab-id={name}]").first.click()
            page.locator(f"{shows} >> visible=true").first.wait_for()
            page.wait_for_timeout(500)
        assert page.evaluate("window.violated") == []
        # The listener does hear what the policy refuses.
        page.evaluate("""() => { new Image().src = "http://127.0.0.1:9/a.png"; }""")
        page.wait_for_function("window.violated.length === 1")
        assert page.evaluate("window.violated") == ["img-src http://127.0.0.1:9/a.png"]
        page.complaints.clear()
