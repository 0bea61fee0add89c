"""The page's endpoints as tools for agents (Model Context Protocol), an option of app.py."""

import ast
import asyncio
import base64
import importlib.util

import pytest
from pages import sample
from servers import running
from tabs import ENDPOINTS
from tiny import save_set

from qtdog.explorer import Explorer
from qtdog.images import read_image

INSTALLED = importlib.util.find_spec("mcp") is not None


@pytest.mark.skipif(not INSTALLED, reason='needs the extra: pip install "gradio[mcp]"')
@pytest.mark.slow
def test_agents_find_every_endpoint_described_and_get_the_services_answer(tmp_path):
    root = save_set(tmp_path / "checkpoints", members=2)
    drawing = sample("dog-pencil").path
    with running(["app.py", "--mcp", "--checkpoints", str(root), "--port"]) as address:
        tools, answer = asyncio.run(_ask(f"{address}gradio_api/mcp/", drawing.read_bytes()))
    assert {tool.name for tool in tools} == {name.removeprefix("/") for name in ENDPOINTS}
    for tool in tools:
        asked = ENDPOINTS[f"/{tool.name}"].split()
        assert list(tool.inputSchema["properties"]) == asked
        # What it does, and what each parameter means.
        assert len(tool.description) > 60
        assert all(f"{name}: " in tool.description for name in asked), tool.description
    expected = Explorer(root).classify(read_image(drawing), "pacs/sketch")
    assert [one["model"] for one in answer] == [one.model for one in expected]
    for one, prediction in zip(answer, expected, strict=True):
        assert one["probabilities"] == pytest.approx(prediction.probabilities, abs=1e-5)


async def _ask(url: str, picture: bytes):
    """The server's tools, and what `classify` says of a PNG."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    image = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
    async with (
        streamablehttp_client(url) as (reader, writer, _),
        ClientSession(reader, writer) as session,
    ):
        await session.initialize()
        tools = (await session.list_tools()).tools
        called = await session.call_tool("classify", {"image": image})
        return tools, ast.literal_eval(called.content[0].text)
