"""Visitors who ask over HTTP what the page in a browser asks."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx

# Of every tab, what it asks for when it is opened and used, by the functions' names in the page's
# configuration.
EVENTS = {
    "try": ("opened", "open_address", "choose_models"),
    "shift": ("open_tab",),
    "train": (),  # it trains in the browser
    "batch": ("run_samples",),
    "results": ("show", "show_domain", "show_training"),
    "landscape": ("show_1",),
    "quantize": ("choose_reference", "show_layer", "show_network"),
    "learn": ("classified", "voted", "rounding_toy", "valley_toy"),
    "about": ("checkpoint_source",),
}
PATIENCE_SECONDS = 120


class Visitor:
    """Has the page's configuration, and asks with what its fields hold at first."""

    def __init__(self, address: str) -> None:
        self._http = httpx.Client(base_url=address, trust_env=False, timeout=PATIENCE_SECONDS)
        config = self._http.get("config").raise_for_status().json()
        self._values = {one["id"]: one["props"].get("value") for one in config["components"]}
        self._events = {one["api_name"]: one for one in config["dependencies"]}

    def visit(self, tab: str) -> int:
        """Do what the tab does and download what it offers: the number of requests, none of which
        failed. Raises AssertionError."""
        count = 0
        for name in EVENTS[tab]:
            answer = self._ask(self._events[name])
            count += 1
            for url in _files(answer):
                file = self._http.get(url)
                assert file.status_code == 200, f"{name}: {url}: {file.status_code}"
                assert file.content, f"{name}: {url} is empty"
                count += 1
        return count

    def _ask(self, event: dict[str, Any]) -> Any:
        session = uuid.uuid4().hex
        asked = {
            "fn_index": event["id"],
            "data": [self._values.get(one) for one in event["inputs"]],
            "session_hash": session,
        }
        name = event["api_name"]
        if not event["queue"]:
            answer = self._http.post("gradio_api/run/predict", json=asked)
            assert answer.status_code == 200, f"{name}: {answer.status_code} {answer.text:.200}"
            return answer.json()
        joined = self._http.post("gradio_api/queue/join", json=asked)
        assert joined.status_code == 200, f"{name}: {joined.status_code} {joined.text:.200}"
        data = {"session_hash": session}
        with self._http.stream("GET", "gradio_api/queue/data", params=data) as stream:
            assert stream.status_code == 200, f"{name}: {stream.status_code}"
            last: Any = None
            for line in stream.iter_lines():
                if not line.startswith("data:"):
                    continue
                news = json.loads(line.removeprefix("data:"))
                if news["msg"] in ("process_generating", "process_completed"):
                    assert news["success"], f"{name}: {news['output']}"
                    last = news["output"]
                if news["msg"] == "process_completed":
                    return last
        raise AssertionError(f"{name}: the answer ended early")


def _files(answer: Any) -> Iterator[str]:
    """Addresses of the files in an answer."""
    if isinstance(answer, dict):
        if answer.get("path") and answer.get("url"):
            yield answer["url"]
        answer = list(answer.values())
    if isinstance(answer, list):
        for one in answer:
            yield from _files(one)
