"""The app on a checkpoint set from the Hub: app.py in its own process, the stand-in beside it."""

from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from hub_faults import Sets
from hub_server import HubServer
from PIL import Image
from servers import running_app

from qtdog.explorer import Explorer

TARGET = "pacs/sketch"


@pytest.mark.slow
def test_published_fetched_and_shown_and_again_without_the_hub(tmp_path):
    sets = Sets.make(tmp_path)
    picture = tmp_path / "picture.png"
    Image.linear_gradient("L").convert("RGB").resize((90, 70)).save(picture)
    with Image.open(picture) as image:
        expected = Explorer(sets.newest).classify(image.convert("RGB"), TARGET)
    environment = {"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "0"}

    def ask() -> dict:
        """What the page says of its checkpoints, after its answers were checked."""
        address = "lab/set@main"
        with running_app(address, HF_ENDPOINT=hub.endpoint, **environment) as page:
            client = Client(page, verbose=False)
            answers = client.predict(handle_file(picture), TARGET, api_name="/classify")
            source = client.predict(api_name="/checkpoint_source")
            guest = client.predict(str(sets.older), api_name="/open_models")
            beside = client.predict(
                guest["key"], handle_file(picture), TARGET, api_name="/classify_opened"
            )
        assert [one["model"] for one in beside] == ["QT-DoG, older", "EoQ, older"]
        assert guest["origin"]["kind"] == "folder"
        assert [one["method"] for one in answers] == ["erm", "qt-dog", "eoq"]
        if source["kind"] == "hub":
            for answer, own in zip(answers, expected, strict=True):
                assert tuple(answer["probabilities"]) == own.probabilities
        return source

    with HubServer(tmp_path / "hub") as hub:
        commit = hub.commit_folder("lab/set", sets.newest)
        source = ask()
        assert (source["name"], source["commit"], source["notice"]) == ("lab/set", commit, "")
        hub.clear_log()
        assert ask()["commit"] == commit
        assert [request.method for request in hub.log] == ["HEAD"]
    source = ask()
    assert source["commit"] == commit
    assert "the Hub cannot be reached" in source["notice"]
    assert not Path(source["name"]).is_absolute()
