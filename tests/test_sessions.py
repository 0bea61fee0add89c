"""Visitors' sessions: apart from each other, and begun without a copy of every component."""

import gradio as gr
import gradio_client
from gradio.state_holder import SessionState
from pages import served

from qtdog.ui.guarded import GuardedBlocks


def _page() -> GuardedBlocks:
    with GuardedBlocks(analytics_enabled=False) as page:
        kept = gr.State(0)
        step, total = gr.Number(1, label="step"), gr.Number(0, label="total")
        for _ in range(20):
            gr.Textbox("nobody changes this")

        def count(kept, step):
            return kept + step, kept + step

        gr.Button().click(count, [kept, step], [kept, total], api_name="count")
    return page


def test_visitors_keep_states_of_their_own_and_the_server_copies_what_events_change():
    page = _page()
    with served(page) as url:
        first, second = (gradio_client.Client(url, verbose=False) for _ in range(2))
        assert [first.predict(2, api_name="/count") for _ in range(3)] == [2, 4, 6]
        assert second.predict(5, api_name="/count") == 5
        assert first.predict(1, api_name="/count") == 7
        holder = page.server_app.state_holder
        sessions = [holder[one.session_hash] for one in (first, second)]
        usual = SessionState(page)
    assert len(usual.config_values) > 20
    total = next(one for one in page.blocks.values() if getattr(one, "label", "") == "total")
    for session, value in zip(sessions, (7, 5), strict=True):
        assert len(session.config_values) < 5
        expected = {**usual.config_values[total._id], "props": {}}
        found = session.config_values[total._id]
        assert {**found, "props": {}} == expected
        assert found["props"]["value"] == value
        assert session.blocks_config.blocks.keys() == usual.blocks_config.blocks.keys()
