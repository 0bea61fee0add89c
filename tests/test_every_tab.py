"""Every tab, in a real browser: it shows something, complains of nothing, asks no other host for
anything, fits the window, and axe finds no serious violation."""

import pytest
from pages import PHONE, opening
from tabs import ENDPOINTS, SHOWS

FAST = ("try", "landscape")
SETTLE_MS = 1500  # for what comes after the first sight of a tab
WINDOWS = {
    "desktop, light": {},  # as the browser is by itself
    "phone, dark": {"viewport": PHONE, "color_scheme": "dark"},
}


@pytest.fixture(scope="module")
def address(shared_app):
    return shared_app


@pytest.mark.parametrize(
    "window", ["desktop, light", pytest.param("phone, dark", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize(
    "tab", [one if one in FAST else pytest.param(one, marks=pytest.mark.thorough) for one in SHOWS]
)
def test_a_tab_opens_by_link_works_alone_and_is_accessible(browser, address, tab, window):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="needs axe-playwright-python"
    )
    with opening(browser, address) as open_one:
        page = open_one(f"?tab={tab}", **WINDOWS[window])
        page.locator(f"{SHOWS[tab]} >> visible=true").first.wait_for()
        page.wait_for_timeout(SETTLE_MS)
        wider = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wider <= 0, f"the page is {wider} px wider than the window"
        found = axe.Axe().run(page).response["violations"]
        serious = [
            (one["id"], [node["html"][:160] for node in one["nodes"]][:3])
            for one in found
            if one["impact"] in ("serious", "critical")
        ]
    assert serious == []


def test_the_endpoints_are_those_that_scripts_know(address):
    client = pytest.importorskip("gradio_client").Client(address, verbose=False)
    named = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    found = {
        name: " ".join(one["parameter_name"] for one in endpoint["parameters"])
        for name, endpoint in named.items()
    }
    assert found == ENDPOINTS
