"""Every tab, in a real browser: it shows something, complains of nothing, asks no other host for
anything, fits the window, and axe finds no serious violation."""

import pytest
from servers import running_app
from tiny import save_set

TIMEOUT_MS = 90_000  # a busy machine is no defect
SETTLE_MS = 1500  # for what comes after the first sight of a tab
# What tells that a tab has done its work, not only that it is there.
SHOWS = {
    "try": "#answers .card",
    "shift": "text=Probability of",
    "batch": "text=Classify",
    "results": "text=Table 1",
    "landscape": "text=On your pictures, now",
    "quantize": "text=The whole network, at every width",
    "learn": "text=What is a domain?",
    "about": "text=How they were trained",
}
# What scripts rely on: every endpoint with its parameters, in order.
ENDPOINTS = {
    "/batch": "files target",
    "/checkpoint_source": "",
    "/classify": "image target",
    "/classify_opened": "key image target",
    "/explain": "image target label",
    "/landscape": "target images kind",
    "/landscape_live": "images labels target distance",
    "/open_models": "address",
    "/quantize_layer": "checkpoint layer bits channel granularity rule",
    "/quantize_network": "checkpoint image granularity rule",
    "/results": "source benchmark backbone table",
    "/run_log": "name",
    "/shift": "image shift label target severity",
}
WINDOWS = {
    "desktop, light": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "phone, dark": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with running_app(save_set(tmp_path_factory.mktemp("checkpoints"))) as address:
        yield address


@pytest.mark.parametrize(
    "window", ["desktop, light", pytest.param("phone, dark", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("tab", SHOWS)
def test_a_tab_opens_by_link_works_alone_and_is_accessible(browser, address, tab, window):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="needs axe-playwright-python"
    )
    complaints = []
    page = browser.new_page(**WINDOWS[window])
    page.set_default_timeout(TIMEOUT_MS)
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda r: (
            None if r.url.startswith((address, "data:", "blob:")) else complaints.append(r.url)
        ),
    )
    page.goto(f"{address}?tab={tab}")
    page.locator(f"{SHOWS[tab]} >> visible=true").first.wait_for()
    page.wait_for_timeout(SETTLE_MS)
    assert complaints == []
    wider = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wider <= 0, f"the page is {wider} px wider than the window"
    found = axe.Axe().run(page).response["violations"]
    serious = [
        (one["id"], [node["html"][:160] for node in one["nodes"]][:3])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    page.close()
    assert serious == []


def test_the_endpoints_are_those_that_scripts_know(address):
    client = pytest.importorskip("gradio_client").Client(address, verbose=False)
    named = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    found = {
        name: " ".join(one["parameter_name"] for one in endpoint["parameters"])
        for name, endpoint in named.items()
    }
    assert found == ENDPOINTS
