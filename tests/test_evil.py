"""Nothing that a file says runs in the page: a set full of markup, in a real browser, on every tab;
and every template goes through the one function that escapes."""

import ast
import re
from pathlib import Path
from urllib.parse import quote

import pytest
from evil import EVIL, evil_zip, save_evil_set
from pages import opening
from servers import running_app
from tabs import SHOWS

import qtdog
from qtdog.ui import html, join
from qtdog.ui.markup import Html, refusal
from qtdog.ui.samples import samples

SETTLE_MS = 1500
# Of markup that ran or stands in the page, and of markup of ours that was escaped.
HARM = """() => [
    window.evil ?? 0,
    document.querySelectorAll("img[src='x'], [onerror]").length,
    [...document.querySelectorAll("b")].filter((one) => one.innerHTML === "").length,
    (document.body.innerText.match(/<\\/?(p|div|span|b|td|svg)[ >]/g) ?? []).length,
]"""
UNHARMED = [0, 0, 0, 0]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with running_app(save_evil_set(tmp_path_factory.mktemp("evil"))) as address:
        yield address


@pytest.fixture
def open_page(browser, address):
    with opening(browser, address) as open_one:
        yield open_one


@pytest.mark.thorough
@pytest.mark.parametrize("tab", SHOWS)
def test_a_tab_shows_markup_as_text(open_page, tab):
    page = open_page(f"?tab={tab}&look=true&sample={quote(EVIL)}")
    page.locator(f"{SHOWS[tab]} >> visible=true").first.wait_for()
    page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)")
    page.wait_for_timeout(SETTLE_MS)
    assert "<img src=x" in page.locator("#address-notice").inner_text()
    assert page.evaluate(HARM) == UNHARMED


@pytest.mark.thorough
def test_a_checkpoint_that_cannot_be_read_is_told_as_text(open_page):
    """In a notice, and in what Gradio shows at the page's corner."""
    page = open_page("?tab=quantize")
    page.locator(f"{SHOWS['quantize']} >> visible=true").first.wait_for()
    page.get_by_label("Network, in full precision").click()
    page.get_by_role("option").filter(has_text="seed 1").first.click()
    told = page.get_by_test_id("toast-text")
    told.first.wait_for()
    assert EVIL in told.first.inner_text()
    page.wait_for_timeout(SETTLE_MS)
    assert page.evaluate(HARM) == UNHARMED


@pytest.mark.thorough
def test_a_domain_without_a_readable_checkpoint_says_why_as_text(open_page):
    page = open_page()
    page.locator("#answers .card").first.wait_for()
    page.locator("#target input").click()
    page.get_by_role("option").filter(has_text="photo").click()
    page.locator("#answers .notice").first.wait_for()
    assert EVIL in page.locator("#answers").inner_text()
    assert page.evaluate(HARM) == UNHARMED


@pytest.mark.thorough
def test_the_names_in_an_archive_are_text(open_page, tmp_path):
    (tmp_path / "evil.zip").write_bytes(evil_zip(samples()[0].path.read_bytes()))
    page = open_page("?tab=batch")
    page.locator("text=Classify >> visible=true").first.wait_for()
    page.locator("#batch-files input[type=file]").set_input_files(tmp_path / "evil.zip")
    page.wait_for_timeout(SETTLE_MS)
    page.locator("#batch-start").click()
    page.locator("#batch-table .files").wait_for()
    assert EVIL in page.locator("#batch-table").inner_text()
    assert page.evaluate(HARM) == UNHARMED


@pytest.mark.thorough
def test_an_address_of_a_set_is_text(open_page):
    page = open_page("?tab=about")
    page.locator("text=How they were trained").wait_for()
    page.locator("#open-models textarea, #open-models input").first.fill(EVIL)
    page.locator("#open-models button").last.click()
    page.locator("#opened-models .notice").wait_for()
    assert page.evaluate(HARM) == UNHARMED


def test_what_is_put_into_a_template_is_escaped_and_markup_is_not():
    bold = html("<b>{}</b>", EVIL)
    assert bold.count("<") == 2
    assert html('<p title="{}">{}</p>', EVIL, bold).count("<") == 4
    assert html('<p title="{}"></p>', EVIL).count('"') == 2
    assert join([bold, EVIL]).count("<") == 2


def test_a_place_for_markup_shows_other_text_as_text():
    assert "<" not in Html().postprocess(EVIL)
    assert Html().postprocess(html("<b>{}</b>", 1)) == "<b>1</b>"


def test_a_refusal_keeps_its_words_for_scripts_and_is_text_in_the_page():
    assert str(refusal("There is no 'dog'.").message) == "There is no 'dog'."
    assert "<" not in str(refusal(EVIL).message)


def _sources() -> list[Path]:
    return sorted(Path(qtdog.__file__).parent.rglob("*.py"))


TAG = re.compile(r"</?[a-z][a-z0-9]*[\s/>]|<[a-z]+$|<!", re.IGNORECASE)


def _has_tag(node: ast.AST) -> bool:
    """Whether it is a string or an f-string with a tag in its constant parts."""
    if isinstance(node, ast.JoinedStr):
        return any(map(_has_tag, node.values))
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and TAG.search(node.value) is not None
    )


def _puts_together(node: ast.AST) -> bool:
    """Whether text with a tag is put together from parts here, or a template is no literal."""
    match node:
        case ast.JoinedStr(values=parts):
            return _has_tag(node) and any(isinstance(one, ast.FormattedValue) for one in parts)
        case ast.BinOp(left=left, op=ast.Add() | ast.Mod(), right=right):
            return _has_tag(left) or _has_tag(right)
        case ast.Call(func=ast.Attribute(value=text, attr="format" | "join")):
            return _has_tag(text)
        case ast.Call(func=ast.Name(id="html"), args=[template, *_]):
            return not isinstance(template, ast.Constant)
    return False


def put_together(tree: ast.Module) -> list[int]:
    """Lines on which HTML is made by anything but `html` with a literal template."""
    return sorted({node.lineno for node in ast.walk(tree) if _puts_together(node)})


@pytest.mark.parametrize(
    "line",
    [
        'f"<b>{name}</b>"',
        'f"{name}<br>"',
        '"<b>" + name',
        '"<b>%s</b>" % name',
        '"<b>{}</b>".format(name)',
        '"<br>".join(names)',
        'html(f"{name}")',
        "html(name)",
    ],
)
def test_the_search_for_templates_finds(line):
    assert put_together(ast.parse(line)) == [1]


def test_html_is_made_in_one_place():
    found = {
        f"{path.parent.name}/{path.name}": lines
        for path in _sources()
        if path.parent.name == "ui" and (lines := put_together(ast.parse(path.read_text())))
    }
    assert found == {}


def test_what_shows_html_is_reached_through_it_alone():
    """Gradio's fields that take HTML or Markdown, its toasts, and Markup from text."""
    direct = re.compile(
        r"\bgr\.(HTML|Markdown|Warning|Info|Success|Error(?=\()|Dataframe|Chatbot)\b|\bMarkup\([^)]|"
        r"\|safe\b|from html import"
    )
    found = [
        f"{path.name}: {line.strip()}"
        for path in _sources()
        if path.name != "markup.py"
        for line in path.read_text(encoding="utf-8").splitlines()
        if direct.search(line)
    ]
    assert found == []
