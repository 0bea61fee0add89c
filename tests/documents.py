"""The repository's Markdown, as GitHub reads it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
_PARSER = MarkdownIt("commonmark").enable("table")


@dataclass(frozen=True)
class Block:
    """A block of code."""

    language: str
    """"" where it is indented instead of fenced."""
    title: str
    """The line of code right before it, such as the file that it is; "" where there is none."""
    text: str


@dataclass(frozen=True)
class Section:
    """What stands below a heading of the second level."""

    heading: str
    blocks: tuple[Block, ...]


def tokens(page: Path) -> list[Token]:
    """The parsed text, without a README's front matter."""
    text = page.read_text(encoding="utf-8")
    if text.startswith("---\n"):
        text = text.partition("\n---\n")[2]
    return _PARSER.parse(text)


def sections(page: Path) -> Iterator[Section]:
    """The page's sections, in order."""
    heading, blocks, title = "", [], ""
    before = None
    for token in tokens(page):
        if token.type == "inline" and before and before.type == "heading_open":
            if before.tag == "h2":
                if heading:
                    yield Section(heading, tuple(blocks))
                heading, blocks = token.content, []
        elif token.type == "inline":
            title = token.content.strip("`") if re.fullmatch("`[^`]+`", token.content) else ""
        elif token.type in ("fence", "code_block"):
            blocks.append(Block(token.info.strip(), title, token.content))
            title = ""
        before = token
    if heading:
        yield Section(heading, tuple(blocks))


def code(page: Path) -> Iterator[str]:
    """Every block of code and every piece of code in a line."""
    for token in tokens(page):
        if token.type in ("fence", "code_block"):
            yield token.content
        yield from (one.content for one in token.children or () if one.type == "code_inline")


def links(page: Path) -> Iterator[str]:
    """Where links and pictures lead, those in HTML too."""
    for token in tokens(page):
        for one in (token, *(token.children or ())):
            if one.type in ("html_block", "html_inline"):
                yield from re.findall(r'(?:href|src|srcset)="([^" ]+)"', one.content)
            for name in ("href", "src"):
                if target := one.attrGet(name):
                    yield str(target)


def anchors(page: Path) -> set[str]:
    """The names by which GitHub links to the page's headings."""
    found: set[str] = set()
    before = None
    for token in tokens(page):
        if before and before.type == "heading_open":
            words = "".join(one.content for one in token.children or ())
            name = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
            again = sum(one == name or one.startswith(f"{name}-") for one in found)
            found.add(f"{name}-{again}" if name in found else name)
        before = token
    return found
