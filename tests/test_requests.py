"""What a hostile or a careless request gets from the running app, on every endpoint there is."""

import json
import math
import os
import random
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pages import sample
from requests_to import ask, ask_in_turn, fetch, upload
from servers import ROOT, running
from tabs import ENDPOINTS
from tiny import save_set

from qtdog.ui.middleware import HEADERS, NOT_SERVED, UNEXPECTED
from qtdog.ui.uploads import NOT_UPLOADED

META = {"_type": "gradio.FileData"}
PICTURE = sample("dog-pencil").path
# Where Python itself reads its modules from, when something is first used.
PYTHON = tuple({os.path.realpath(place) for place in (sys.prefix, sys.base_prefix)})


@dataclass(frozen=True)
class App:
    """The running app, and what it opened."""

    address: str
    record: Path
    uploaded: str
    """The server's path of a picture that was uploaded."""
    secret: Path
    """A picture elsewhere on the server."""
    info: dict[str, Any]
    config: dict[str, Any]

    @property
    def uploads(self) -> Path:
        return Path(self.uploaded).parents[1]

    def opened(self) -> list[str]:
        """Real paths, in order."""
        return self.record.read_text(errors="surrogateescape").splitlines()

    def arguments(self, name: str) -> list[Any]:
        """Some that the endpoint `name` accepts."""
        own = {"labels": "dog", "key": "none", "name": "none", "address": "lab/nothing"}
        return [
            (self.file(one) if takes_files(one) else own.get(one["parameter_name"]))
            if takes_files(one) or not one["parameter_has_default"]
            else one["parameter_default"]
            for one in self.info[name]["parameters"]
        ]

    def file(self, parameter: dict[str, Any]) -> Any:
        record = {"path": self.uploaded, "meta": META}
        return [record] if parameter["component"] == "File" else record


def takes_files(parameter: dict[str, Any]) -> bool:
    """By what the API's description says: a record with a path somewhere in its type."""
    return '"path"' in json.dumps(parameter["type"])


@pytest.fixture(scope="module")
def app(tmp_path_factory) -> Iterator[App]:
    folder = tmp_path_factory.mktemp("server")
    secret = folder / "secret.png"
    secret.write_bytes(PICTURE.read_bytes())
    root, record = save_set(folder / "checkpoints", members=2), folder / "opened.txt"
    command = ["tests/watched_app.py", str(record), "--checkpoints", str(root), "--port"]
    with running(command, GRADIO_TEMP_DIR=str(folder / "uploads")) as address:
        info = json.loads(fetch(f"{address}gradio_api/info")[1])["named_endpoints"]
        config = json.loads(fetch(f"{address}config")[1])
        yield App(address, record, upload(address, PICTURE), secret, info, config)


def mutations(app: App, seed: int = 0) -> Iterator[Any]:
    """File records that name no upload, without end."""
    chance = random.Random(seed)
    uploads, secret = app.uploads, app.secret
    link, folder_link = uploads / "link.png", uploads / "linked"
    for place, leads_to in ((link, secret), (folder_link, secret.parent)):
        if not place.is_symlink():
            place.symlink_to(leads_to)
    elsewhere = [secret, PICTURE, "/etc/passwd", "/proc/self/environ", "/dev/zero", "/etc", "/"]
    up = "../" * (len(uploads.parts) + 3)
    paths = [
        *map(str, elsewhere),
        *(f"file:{one}" for one in elsewhere),
        *(f"file://{one}" for one in elsewhere),
        *(f"{uploads}/{up}{str(one)[1:]}" for one in elsewhere),
        *(f"{uploads}//../{one.name}" for one in (secret, uploads)),
        *(os.path.relpath(one, ROOT) for one in elsewhere),
        *(f"{one}\0.png" for one in (secret, app.uploaded)),
        *(f" {one}" for one in (secret, app.uploaded)),
        *(str(one) for one in (link, folder_link, folder_link / secret.name, uploads)),
        *(str(place / "nothing.png") for place in (uploads, secret.parent)),
        *(f"{app.address}gradio_api/file={one}" for one in (secret, app.uploaded)),
        *(f"{uploads}-other/{secret.name}", f"{uploads}/{'x' * 5000}.png", "", ".", "~", "~root"),
        *("assets/samples/index.json", "\\\\server\\share\\a.png", "C:\\Windows\\win.ini"),
        *("http://127.0.0.1:9/a.png", "https://example.org/a.png", "data:image/png;base64,iVBORw0"),
        *(f"{uploads}/\ud800.png", f"{app.uploaded}/../{Path(app.uploaded).name}\udfff"),
        *(None, 7, True, [str(secret)], {"path": str(secret)}),
    ]
    metas = [META, META, None, {}, {"_type": "other"}, "gradio.FileData", [META]]
    while True:
        path = chance.choice(paths)
        record = {"path": path}
        if chance.random() < 0.6:
            record["meta"] = chance.choice(metas)
        if chance.random() < 0.3:
            record["url"] = chance.choice([str(secret), f"file://{secret}", *paths])
        if chance.random() < 0.2:
            record["is_stream"] = chance.choice([True, False, "yes"])
        if chance.random() < 0.2:
            record["orig_name"] = chance.choice([str(secret), "a.png", 3, None])
        if chance.random() < 0.1:
            record["size"] = chance.choice([0, -1, "large"])
        good = {"path": app.uploaded, "meta": META}
        yield chance.choice(
            [record] * 6
            + [[record], [record, record], [good, record], [[record]], {"root": [record]}]
            + [{"image": record}, {"value": record}, {"url": path}, {"meta": META}, path or "x"]
        )


def test_a_picture_of_the_servers_is_refused_and_an_uploaded_one_is_answered(app):
    asked = [{"path": str(app.secret)}, "blur", "", "pacs/sketch", 0]
    kind, told = ask_in_turn(app.address, "shift", asked)
    assert (kind, told["error"]) == ("error", NOT_UPLOADED)
    asked[0] = {"path": app.uploaded}
    assert ask_in_turn(app.address, "shift", asked)[0] == "complete"
    assert app.opened().count(os.path.realpath(app.uploaded)) > 0
    assert os.path.realpath(app.secret) not in app.opened()


def test_the_descriptions_endpoints_are_walked(app):
    """The tests below know what takes files from the description; here from what is known."""
    files = {name for name, one in app.info.items() if any(map(takes_files, one["parameters"]))}
    known = {
        name for name, words in ENDPOINTS.items() if {"image", "images", "files"} & {*words.split()}
    }
    assert files == known - {"/landscape"}  # whose "images" is a word


def at_rest(app) -> int:
    """How many files the server has opened, once it has answered our samples after its start."""
    before, now = -1, len(app.opened())
    while before != now:
        time.sleep(3)
        before, now = now, len(app.opened())
    return now


@pytest.mark.parametrize(
    "number",
    [pytest.param(40, marks=pytest.mark.thorough), pytest.param(1000, marks=pytest.mark.slow)],
)
def test_no_mutation_of_a_files_record_opens_anything_on_any_endpoint(app, number):
    places = [
        (name, place)
        for name, one in app.info.items()
        for place, parameter in enumerate(one["parameters"])
        if takes_files(parameter)
    ]
    before = at_rest(app)
    hostile = mutations(app, number)
    requests = [(*places[turn % len(places)], next(hostile)) for turn in range(number)]

    def told(request: tuple[str, int, Any]) -> Any:
        name, place, value = request
        arguments = app.arguments(name)
        arguments[place] = value
        return ask(app.address, name[1:], arguments).get("error", "an answer")

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(told, requests))
    wrong = [
        (request, answer)
        for request, answer in zip(requests, answers, strict=True)
        if answer != NOT_UPLOADED
    ]
    assert wrong == []
    inside = (*PYTHON, str(app.uploads.resolve()))
    assert [one for one in app.opened()[before:] if not one.startswith(inside)] == []


def test_the_pages_own_events_take_no_other_files_either(app):
    types = {one["id"]: one for one in app.config["components"]}
    hostile = mutations_of(app)
    tried = 0
    for event in app.config["dependencies"]:
        if not event["backend_fn"] or event["api_visibility"] != "private":
            continue
        for place, component in enumerate(event["inputs"]):
            if types[component]["type"] == "state":
                continue
            values = [types[one]["props"].get("value") for one in event["inputs"]]
            values[place] = next(hostile)
            told = ask(app.address, "any", values, fn_index=event["id"], session_hash="hostile")
            assert told.get("error") == NOT_UPLOADED, (event, values)
            tried += 1
    assert tried > 50
    assert os.path.realpath(app.secret) not in app.opened()


def mutations_of(app: App) -> Iterator[dict[str, Any]]:
    """Plain records of the picture that is none of theirs."""
    while True:
        yield {"path": str(app.secret)}
        yield {"path": str(app.secret), "meta": META}
        yield {"path": f"{app.uploads}/../{app.secret.name}", "meta": META, "url": "a"}


def values_of_another_type(parameter: dict[str, Any], optional: bool) -> list[Any]:
    """What a parameter cannot be, by its type in the API's description."""
    values = [{}, [], [None], "nonsense"]
    kind = parameter["type"].get("type", "file")
    # A file that is not given has sentences of its own ("Choose a picture first.").
    values += [] if optional or takes_files(parameter) else [None]
    values += [] if kind == "boolean" else [True]
    values += [] if kind == "number" else [1.5]
    if kind in ("number", "integer"):
        values += [10**400, math.inf, math.nan]
    return [one for one in values if not (kind == "string" and isinstance(one, str))]


@pytest.mark.parametrize(
    "every", [pytest.param(4, marks=pytest.mark.thorough), pytest.param(1, marks=pytest.mark.slow)]
)
def test_an_endpoints_arguments_missing_or_of_another_type_get_a_sentence(app, every):
    tries = []
    for name, endpoint in app.info.items():
        arguments, parameters = app.arguments(name), endpoint["parameters"]
        tries += [(name, arguments[:-1]), (name, [])] if arguments else []
        tries += [(name, [*arguments, "more"])]
        for place, parameter in enumerate(parameters):
            optional = parameter["parameter_has_default"] and arguments[place] is None
            tries += [
                (name, [*arguments[:place], value, *arguments[place + 1 :]])
                for value in values_of_another_type(parameter, optional)
            ]
    assert len(tries) > 250
    for name, asked in tries[::every]:
        sentence = ask(app.address, name[1:], asked).get("error")
        assert str(sentence).endswith("."), (name, asked, sentence)
        assert sentence != UNEXPECTED, (name, asked)
        assert str(app.secret.parent) not in sentence, (name, asked)
    kind, told = ask_in_turn(app.address, "classify", [None, None])
    assert (kind, told["error"]) == ("error", "'target' is missing: it has to be a text.")


@pytest.mark.thorough
def test_an_event_of_the_page_that_gets_nonsense_answers_with_a_sentence_too(app):
    for event in app.config["dependencies"]:
        if not event["backend_fn"] or event["cancels"]:
            continue
        for data in ([], [None] * len(event["inputs"]), [{"a": 1}] * len(event["inputs"])):
            told = ask(app.address, "any", data, fn_index=event["id"], session_hash="careless")
            assert told.get("error", "answered"), (event, data)


def test_what_is_no_upload_cannot_be_fetched(app):
    for path in (app.secret, PICTURE, f"{app.uploads}/../{app.secret.name}", "/etc/passwd"):
        status, content = fetch(f"{app.address}gradio_api/file={path}")
        assert status in (403, 404), path
        assert PICTURE.read_bytes()[:50] not in content
    assert fetch(f"{app.address}gradio_api/file={app.uploaded}")[1] == PICTURE.read_bytes()


@pytest.mark.parametrize(
    "path",
    [
        "file=http://127.0.0.1:9/a.png",
        "file=https://example.org/a.html",
        "file=HTTPS://example.org/a.html",
        "file=%68ttp%3A%2F%2Fexample.org/a.html",
        "file=/https://example.org/a.html",
        "file/http://example.org/a.html",
        "proxy=https://somebody.hf.space/a",
    ],
)
def test_nothing_is_fetched_from_elsewhere_for_a_visitor(app, path):
    status, content = fetch(f"{app.address}gradio_api/{path}")
    assert (status, content.decode()) == (403, NOT_SERVED)


def test_no_videos_are_taken_for_editing(app):
    status, content = fetch(f"{app.address}gradio_api/process_recording", {})
    assert (status, content.decode()) == (403, NOT_SERVED)


@pytest.mark.parametrize("route", ["run", "api", "call", "call/v2"])
def test_an_endpoint_that_there_is_not_gets_a_sentence_and_the_headers(app, route):
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(
            urllib.request.Request(
                f"{app.address}gradio_api/{route}/nothing",
                b'{"data": []}',
                {"Content-Type": "application/json"},
            )
        )
    with raised.value as answer:
        assert json.load(answer) == {"error": UNEXPECTED}
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS


def test_arguments_by_name_that_are_missing_or_unknown_get_a_sentence(app):
    picture = {"path": app.uploaded, "meta": META}
    for asked in ({}, {"target": "pacs/sketch"}, {"image": picture, "target": "a", "more": 1}):
        status, content = fetch(f"{app.address}gradio_api/call/v2/classify", asked)
        assert (status, json.loads(content)) == (500, {"error": UNEXPECTED}), asked
    for index in (-1, 10**6):
        body = {"fn_index": index, "data": [], "session_hash": "a"}
        status, content = fetch(f"{app.address}gradio_api/queue/join", body)
        assert (status, json.loads(content)) == (500, {"error": UNEXPECTED}), index
