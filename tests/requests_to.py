"""The app's API as a script without any client library meets it: JSON over HTTP."""

import json
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any


def fetch(address: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
    """Status and content of a GET, or of a POST of `body` as JSON."""
    data = None if body is None else json.dumps(body).encode()
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(address, data, {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def ask(address: str, name: str, data: list[Any], **body: Any) -> dict[str, Any]:
    """The answer of an endpoint, `data` or `error`, past the queue."""
    return json.loads(fetch(f"{address}gradio_api/run/{name}", {"data": data, **body})[1])


def ask_in_turn(address: str, name: str, data: list[Any]) -> tuple[str, Any]:
    """The same through the queue: "complete" or "error", and what came with it."""
    status, content = fetch(f"{address}gradio_api/call/{name}", {"data": data})
    assert status == 200, content
    event = json.loads(content)["event_id"]
    kind, data = fetch(f"{address}gradio_api/call/{name}/{event}")[1].decode().split("\n")[:2]
    return kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def upload(address: str, file: Path) -> str:
    """Upload a file as the page does; the path by which the server knows it."""
    boundary = uuid.uuid4().hex
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{file.name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    request = urllib.request.Request(
        f"{address}gradio_api/upload",
        head.encode() + file.read_bytes() + f"\r\n--{boundary}--\r\n".encode(),
        {"Content-Type": f"multipart/form-data; boundary={boundary}"},
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)[0]
