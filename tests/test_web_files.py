"""The browser modules are served, and nothing else of the package."""

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from qtdog.ui.web_files import web_files


@pytest.fixture(params=["", "/qtdog"])
def client(request):
    return TestClient(Starlette(routes=[web_files()]), root_path=request.param)


@pytest.mark.parametrize(
    ("name", "kind"), [("page.js", "text/javascript"), ("style.css", "text/css")]
)
def test_a_module_has_its_type_and_is_sent_once(client, name, kind):
    answer = client.get(f"/web/toy/{name}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].split(";")[0] == kind
    again = client.get(f"/web/toy/{name}", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "name",
    [
        *("__init__.py", "folder.py", "toy", "toy/", "", "toy/none.js"),
        *("../ui/launch.py", "..%2Fui%2Flaunch.py", "%2e%2e/ui/train/train.js", "/etc/passwd"),
    ],
)
def test_nothing_else_is(client, name):
    assert client.get(f"/web/{name}").status_code == 404
