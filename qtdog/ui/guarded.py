"""Blocks that see to it that what a request carries is fit to be used, whatever its event is."""

from typing import Any

import gradio as gr
from gradio.exceptions import Error
from gradio.routes import App

from qtdog.reach import Names
from qtdog.ui.arguments import check_arguments
from qtdog.ui.markup import refusal
from qtdog.ui.middleware import UNEXPECTED, Guard
from qtdog.ui.quiet import Asked
from qtdog.ui.sessions import Sessions
from qtdog.ui.uploads import only_uploads, takes_files
from qtdog.ui.web_files import web_files


class GuardedBlocks(gr.Blocks):
    """A page of which every event, its own or an endpoint, is handed files that were uploaded to it
    and no others; whose endpoints get arguments of the types that they state; whose errors are
    sentences; and whose server adds what `Guard` says, knows when it is quiet and begins
    `Sessions`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.asked = Asked()
        self._names = Names()

    async def preprocess_data(
        self, block_fn: Any, inputs: list[Any], *rest: Any, **options: Any
    ) -> list[Any]:
        """Every request's values pass here, on whichever route they came."""
        public = block_fn.api_visibility != "private"
        if public:
            try:
                check_arguments(block_fn.fn, inputs, [*map(takes_files, block_fn.inputs)])
            except ValueError as error:
                raise refusal(error) from None
        # An event of the page may answer that the upload is gone, and take old answers away.
        checked = [
            only_uploads(component, value, may_be_gone=not public)
            for component, value in zip(block_fn.inputs, inputs, strict=False)
        ]
        return await super().preprocess_data(block_fn, checked, *rest, **options)

    async def process_api(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        """What no handler foresaw is in the server's log; the visitor gets a sentence."""
        try:
            return await super().process_api(*arguments, **options)
        except Error:
            raise
        except Exception as error:
            raise refusal(UNEXPECTED, title="No answer", logged=True) from error

    @property
    def server_app(self) -> App:
        """What answers requests. Gradio sets it after its own middleware, before it serves."""
        return self._server_app

    @server_app.setter
    def server_app(self, app: App) -> None:
        app.add_middleware(Guard, names=self._names, asked=self.asked)  # around all else
        app.state_holder = Sessions()
        app.state_holder.set_blocks(self)
        self._server_app = app

    def launch(self, *arguments: Any, **options: Any) -> Any:
        """As always, behind `Guard`, with the browser modules."""
        self._names = Names.of(options.get("server_name"), options.get("root_path"))
        return super().launch(*arguments, app_kwargs={"routes": [web_files()]}, **options)
