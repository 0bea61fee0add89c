"""What every answer of the server carries, and what and whom it does not answer."""

import re
import shutil
import traceback
from pathlib import Path

from gradio.utils import get_upload_folder
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qtdog.reach import Names
from qtdog.ui.quiet import Asked

# Gradio's page has scripts in its HTML and makes functions of text (events with `js`, HTML with
# `js_on_load`); uploads, the webcam and plotly work with blob: and data:. Which pages may frame
# this one is left open: a Space is shown in a frame, and so are lessons.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "frame-src 'none'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
    )
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": POLICY,
}
NOT_THIS_SERVER = (
    "This page is for the machine that it runs on, and the request names another host or comes "
    "from another site's page. Behind a proxy, start it with --root-path and the whole address, "
    "such as https://lab.org/qtdog; for other machines, with --host."
)
UNEXPECTED = (
    "This request could not be answered. Reload the page and try again; in a script, compare the "
    "arguments with the endpoint's description."
)
DISK_IS_FULL = (
    "There is no room for more pictures here at the moment: try again later, or with fewer. "
    "Uploads are removed after an hour."
)
LEAST_FREE_BYTES = 1 << 30
"""What uploads leave free of the disk that they lie on."""
NOT_SERVED = "This page serves its own files alone, and nothing from other addresses."
# Gradio would fetch any address of the internet for a stranger, and hand a video to ffmpeg.
# It would also write a session's values to disk, which nobody removes, for each call of a link.
_NOT_SERVED = re.compile(
    r"/gradio_api/(file[=/]/*https?:|proxy=|process_recording|deep_link)", re.I
)


_UPLOAD = re.compile(r"/upload/?$", re.I)


def _has_room(headers: Headers) -> bool:
    """Whether the disk takes an upload. How much it sends, a browser says before."""
    asked = headers.get("content-length", "")
    size = int(asked) if asked.isdecimal() and len(asked) < 20 else 0
    folder = Path(get_upload_folder())
    there = next(one for one in (folder, *folder.parents) if one.exists())
    return shutil.disk_usage(there).free - size >= LEAST_FREE_BYTES


class Guard:
    """Adds `HEADERS` to every answer, closes what of Gradio's server the page does not use, and
    makes a sentence of what Gradio stumbles over. A request whose Host or Origin is not of `names`
    gets no answer: a foreign page whose name leads here (DNS rebinding), or whose browser also
    reaches this machine, would read what is at home. Uploads never fill the disk. Outside all else,
    also of what answers a browser's question whether it may ask (CORS). `asked` hears of every
    request."""

    def __init__(self, app: ASGIApp, names: Names, asked: Asked) -> None:
        self._app = app
        self._names = names
        self._asked = asked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        self._asked.now()
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        headers, names = Headers(scope=scope), self._names
        known = all(map(names.hold, headers.getlist("host")))
        if not (known and all(map(names.hold_origin, headers.getlist("origin")))):
            refusal = PlainTextResponse(NOT_THIS_SERVER, status_code=421)
            await refusal(scope, receive, send_with_headers)
            return
        if _NOT_SERVED.search(scope["path"]):
            refusal = PlainTextResponse(NOT_SERVED, status_code=403)
            await refusal(scope, receive, send_with_headers)
            return
        if _UPLOAD.search(scope["path"]) and not _has_room(headers):
            refusal = PlainTextResponse(DISK_IS_FULL, status_code=507)
            await refusal(scope, receive, send_with_headers)
            return
        try:
            await self._app(scope, receive, send_with_headers)
            if (scope["path"], scope.get("method")) == ("/", "GET"):
                self._asked.page_sent()
        except Exception:  # no such endpoint, or arguments that it lacks
            if started:
                raise
            traceback.print_exc()
            answer = JSONResponse({"error": UNEXPECTED}, status_code=500)
            await answer(scope, receive, send_with_headers)
