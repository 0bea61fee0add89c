"""The browser modules at a fixed address of the page's own."""

from pathlib import PurePosixPath

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from qtdog.web import FOLDER

# Not the system's idea of them: a browser runs no module of another type.
KINDS = {".js": "text/javascript", ".css": "text/css"}


class WebFiles(StaticFiles):
    """Scripts and style sheets of one folder, and nothing else that lies there."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, to be asked for again whenever it may have changed."""
        kind = KINDS.get(PurePosixPath(path).suffix)
        if kind is None:
            raise HTTPException(404)
        response = await super().get_response(path, scope)
        response.headers["Content-Type"] = f"{kind}; charset=utf-8"
        response.headers["Cache-Control"] = "no-cache"
        return response


def web_files() -> Mount:
    """The route /web/."""
    return Mount("/web", WebFiles(directory=FOLDER))
