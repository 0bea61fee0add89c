"""The browser modules at a fixed address of the page's own."""

from pathlib import PurePosixPath

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from qtdog.web import FOLDER

# Not the system's idea of them: a browser runs no module of another type.
KINDS = {".js": "text/javascript", ".css": "text/css"}


def web_files() -> Route:
    """The route /web/: scripts and style sheets of one folder, and nothing else that lies there.

    It is no `Mount` of `StaticFiles`, which finds nothing where a proxy takes off a prefix.
    """
    files = {
        path.relative_to(FOLDER).as_posix(): path
        for path in FOLDER.rglob("*")
        if path.suffix in KINDS
    }

    async def answer(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in files:
            raise HTTPException(404)
        # To be asked for again whenever it may have changed.
        response = FileResponse(
            files[name],
            media_type=KINDS[PurePosixPath(name).suffix],
            headers={"Cache-Control": "no-cache"},
            stat_result=files[name].stat(),
        )
        if request.headers.get("if-none-match") == response.headers["etag"]:
            return Response(status_code=304, headers={"ETag": response.headers["etag"]})
        return response

    return Route("/web/{name:path}", answer)
