"""What the server keeps of each visitor."""

from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
from gradio.state_holder import SessionState, StateHolder


class Sessions(StateHolder):
    """The visitors' states, each begun without a copy of every component's settings.

    Gradio makes those copies for links that carry a whole page, which ours has in its address. Of
    hundreds of components they take long, while everybody else waits. A component's settings are
    copied when an event first changes it.
    """

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data[session_id] = _begun(self.blocks)
        return super().__getitem__(session_id)


def _begun(page: gr.Blocks) -> SessionState:
    # Settings are copied of the components in `blocks`; all else comes from `default_config`.
    bare: Any = SimpleNamespace(default_config=page.default_config, blocks=())
    return SessionState(cast(gr.Blocks, bare))
