"""The page below a prefix that a proxy takes off."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pages import opening, sample
from prefix_proxy import behind_prefix
from servers import free_port, running
from tiny import save_set

PREFIX = "qtdog"


@pytest.fixture(scope="module")
def small_set(tmp_path_factory) -> Path:
    return save_set(tmp_path_factory.mktemp("set"))


@pytest.mark.parametrize(
    "keep_host",
    [pytest.param(True, marks=pytest.mark.thorough), pytest.param(False, marks=pytest.mark.slow)],
)
def test_behind_a_prefix_everything_stays_below_it(keep_host, small_set, browser, tmp_path):
    port = free_port()
    root = f"/{PREFIX}" if keep_host else f"http://127.0.0.1:{port}/{PREFIX}"
    command = ["app.py", "--checkpoints", str(small_set), "--root-path", root, "--port"]
    with (
        running(command) as address,
        behind_prefix(address, PREFIX, keep_host, port) as outside,
        opening(browser, outside) as open_page,  # which complains of requests elsewhere
    ):
        page = open_page(permissions=["clipboard-read", "clipboard-write"])
        page.wait_for_selector("#answers .card")
        # Asked of the queue, told by events.
        guitar = sample("guitar-pencil")
        page.locator(f'#samples button[aria-label="{guitar.title}"]').click()
        page.wait_for_selector(f"#picture img[alt='{guitar.alt}']")
        page.wait_for_function("location.search === '?sample=guitar-pencil'")
        shown = page.locator("#picture img").get_attribute("src")
        assert not shown.startswith("http") or shown.startswith(outside)

        page.locator("#copy-link").click()
        page.wait_for_function("document.querySelector('#copy-link-status').innerText")
        link = page.evaluate("navigator.clipboard.readText()")
        assert link == f"{outside}?sample=guitar-pencil"
        copy = open_page(f"?{urlsplit(link).query}")
        copy.wait_for_selector(f"#picture img[alt='{guitar.alt}']")

        # The browser modules, and their worker.
        page.get_by_role("tab", name="Train it").click()
        page.wait_for_selector(".train-scores")
        page.get_by_role("button", name="One step").click()
        page.wait_for_selector(".train-counter:has-text('step 1 of')")

        # An upload, and a file of the page's.
        page.get_by_role("tab", name="Try it").click()
        page.locator("#picture input[type=file]").first.set_input_files(sample("dog-line").path)
        page.wait_for_selector("#answers .card")
        page.get_by_role("tab", name="Results").click()
        page.wait_for_selector("#results-numbers td")
        with page.expect_download() as download:
            page.locator("#results-download").click()
        assert download.value.url.startswith(outside)
        assert download.value.path().read_text("utf-8-sig").startswith("source,table,")
