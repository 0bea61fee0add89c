"""The texts of "Learn": files that a teacher can edit or translate, read and checked.

texts/README.md says how such a file is written.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

from qtdog.ui.markup import Markup, escape, html, join

TEXTS = Path(__file__).with_name("texts") / "en"
WORDS = "words"
"""The file of words that several steps use: sentences alone."""
ANSWERS = 3
"""To a question; style.css shows as many explanations."""
SECTIONS = ("Short title", "Before", "After", "Question")
SENTENCES = "Sentences"
# What paragraphs may mark: **bold**, `code` and [links](https://...).
MARKED = re.compile(
    r"\*\*(?P<bold>.+?)\*\*|`(?P<code>.+?)`|\[(?P<link>.+?)\]\((?P<address>https://[^\s)]+)\)"
)
ANSWER = re.compile(r"- \[(?P<mark>[ x])\] (?P<answer>.+)")


class TextError(ValueError):
    """A text file that cannot be used; the message is one sentence that names the file."""


@dataclass(frozen=True)
class Needed:
    """The slots of a step and, by name, of its sentences: what the program fills in."""

    slots: str = ""
    sentences: Mapping[str, str] | None = None


POINTS = dict.fromkeys(("point_above", "points_above", "point_below", "points_below"), "points")
NEEDED: dict[str, Needed] = {
    "1-domains": Needed("sources source things target"),
    "2-marks-at-home": Needed(
        "home order",
        {
            "home": "percent target accuracy",
            "same_order": "count",
            "other_order": "count method seed home abroad target",
            "nothing": "",
        },
    ),
    "3-rounding": Needed("how_many", {"how_many": "millions"}),
    "4-valleys": Needed("way", {"way": "target quantize_step bits held"}),
    "5-training": Needed(
        "when rounded kept toy curves",
        {
            "toy": "seeds full quantized train_it",
            "first_steps": "quantize_step steps",
            "a_while": "",
            "rounded_to": "bits",
            "rounded": "",
            "kept_step": "",
            "kept_mean": "",
            "curves": "spreads runs",
            "no_curves": "",
            "full_precision": "lowest highest",
            "qt_dog": "lowest highest",
            "one_run": "",
            "one_run_each": "",
        },
    ),
    "6-eoq": Needed(
        "number bits count together compared measured",
        {
            "measured": "target lowest highest mean accuracy members",
            "about_as_much": "",
            "less": "",
            "more": "",
            "nothing": "",
            "every_member": "number",
            "some_members": "better number",
        },
    ),
    "7-measured": Needed(
        "measured limits architecture pixels dataset case because",
        {
            "eoq_ahead": "",
            "eoq_not_ahead": "",
            "because_measured": "points",
            "because_measured_on_average": "points",
            "because_not_measured": "",
            "many_domains_single": "number points sides",
            "many_domains_eoq": "number points sides",
            "one_domain": "domain gap",
            "one_domain_both": "domain single eoq",
            "single": "points single full",
            "eoq": "points",
            "one_seed": "mean",
            "seeds": "mean number",
            "level": "",
            **POINTS,
            "all_above": "",
            "all_below": "",
            "some_above": "number",
            "some_below": "number",
            "some_level": "number",
            "limit_one_domain": "target",
            "limit_luck": "points",
            "limit_few_seeds": "times points",
            "limit_few_seeds_of": "times domains points",
            "not_at_all": "",
            "once": "",
            "twice": "",
            "limit_ensemble": "accuracies",
            "ensemble_on": "accuracy domain",
            "limit_no_ensemble": "",
        },
    ),
    "8-going-on": Needed("who target accuracy right total percent", {"eoq": "", "network": ""}),
}
ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"),
)
NEEDED_WORDS = {
    **dict.fromkeys(("right", "wrong", "full_precision", "qt_dog", *ORDINALS), ""),
    "accuracy": "percent right total",
    "later": "place",
}


@dataclass(frozen=True)
class Template:
    """Text with slots, such as "{target}"."""

    text: str

    @property
    def slots(self) -> frozenset[str]:
        """Their names. Raises ValueError for braces that are none."""
        found = set()
        for _, name, style, conversion in Formatter().parse(self.text):
            if name is None:
                continue
            if not name.isidentifier() or style or conversion:
                raise ValueError(f"'{{{name}}}' is no slot")
            found.add(name)
        return frozenset(found)

    def plain(self, **values: object) -> str:
        """The text without marks."""
        return " ".join(self.text.format(**values).split())

    def html(self, **values: object) -> Markup:
        """A paragraph's content, with its marks; values that are not Markup are escaped."""

        def filled(text: str) -> Markup:
            return escape(text).format(**values)

        parts: list[Markup] = []
        end = 0
        for match in MARKED.finditer(self.text):
            parts.append(filled(self.text[end : match.start()]))
            end = match.end()
            if match["bold"]:
                parts.append(html("<b>{}</b>", filled(match["bold"])))
            elif match["code"]:
                parts.append(html("<code>{}</code>", filled(match["code"])))
            else:
                parts.append(
                    html(
                        '<a href="{}" target="_blank" rel="noopener">{}</a>',
                        match["address"],
                        filled(match["link"]),
                    )
                )
        parts.append(filled(self.text[end:]))
        return join(join(parts).split(), " ")


@dataclass(frozen=True)
class Answer:
    """One answer that can be chosen, and what is said about it."""

    text: Template
    why: Template
    right: bool


@dataclass(frozen=True)
class StepText:
    """What a step's file says."""

    title: str
    short: str
    before: tuple[Template, ...]
    after: tuple[Template, ...]
    question: Template
    answers: tuple[Answer, ...]
    sentences: Mapping[str, Template]

    def templates(self) -> tuple[Template, ...]:
        """All but the sentences."""
        answers = (part for one in self.answers for part in (one.text, one.why))
        return (*self.before, *self.after, self.question, *answers)


@dataclass(frozen=True)
class Texts:
    """All files: steps by their files' names without ".md", and the words."""

    steps: Mapping[str, StepText]
    words: Mapping[str, Template]


def read_texts(folder: Path = TEXTS) -> Texts:
    """Read and check the files of a language. Raises TextError."""
    steps = {name: _step(_File(folder, name), needed) for name, needed in NEEDED.items()}
    words = _File(folder, WORDS)
    return Texts(steps, _sentences(words, words.sections().get(SENTENCES, ""), NEEDED_WORDS))


class _File:
    """One file, with errors that name it."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = f"{folder.parent.name}/{folder.name}/{name}.md"
        try:
            self.text = (folder / f"{name}.md").read_text(encoding="utf-8")
        except FileNotFoundError:
            raise TextError(f"{self.name} is missing.") from None
        except (OSError, UnicodeDecodeError):
            raise TextError(f"{self.name} cannot be read as UTF-8 text.") from None

    def fail(self, said: str) -> TextError:
        return TextError(f"{self.name}: {said}.")

    def title(self) -> str:
        """What stands above the first section."""
        head = self.text.partition("\n## ")[0].strip()
        if not head.startswith("# ") or not head[2:].strip() or "\n" in head:
            raise self.fail("it must begin with its title alone, '# ...'")
        return head[2:].strip()

    def sections(self) -> dict[str, str]:
        """By heading, what stands below it."""
        return dict(self.parts(f"\n{self.text}".partition("\n## ")[2], "\n## "))

    def parts(self, text: str, between: str) -> Iterable[tuple[str, str]]:
        """Headings with what stands below them."""
        seen = set()
        for part in text.split(between) if text else ():
            name, _, content = part.partition("\n")
            if name.strip() in seen:
                raise self.fail(f"'{name.strip()}' stands there twice")
            seen.add(name.strip())
            yield name.strip(), content.strip()


def _step(file: _File, needed: Needed) -> StepText:
    title, sections = file.title(), file.sections()
    for name in SECTIONS:
        if not sections.get(name):
            raise file.fail(f"the section '## {name}' is missing or empty")
    if strange := sections.keys() - {*SECTIONS, SENTENCES}:
        raise file.fail(f"there is no section '{min(strange)}'")
    question, answers = _question(file, sections["Question"])
    step = StepText(
        title,
        " ".join(sections["Short title"].split()),
        _paragraphs(sections["Before"]),
        _paragraphs(sections["After"]),
        question,
        answers,
        _sentences(file, sections.get(SENTENCES, ""), needed.sentences or {}),
    )
    _check_slots(file, "the step", step.templates(), needed.slots)
    return step


def _paragraphs(text: str) -> tuple[Template, ...]:
    return tuple(Template(" ".join(part.split())) for part in re.split(r"\n\s*\n", text))


def _question(file: _File, text: str) -> tuple[Template, tuple[Answer, ...]]:
    asked, *answers = re.split(r"^(?=- )", text, flags=re.MULTILINE)
    if not asked.strip():
        raise file.fail("the section 'Question' has no question above its answers")
    found = []
    for answer in answers:
        first, _, why = answer.strip().partition("\n")
        match = ANSWER.fullmatch(first.strip())
        if match is None:
            raise file.fail(f"the answer '{first.strip()}' must begin with '- [ ] ' or '- [x] '")
        if not why.strip():
            raise file.fail(f"the answer '{match['answer']}' has no explanation below it")
        found.append(Answer(_one(match["answer"]), _one(why), match["mark"] == "x"))
    if len(found) != ANSWERS or sum(one.right for one in found) != 1:
        raise file.fail(f"the question needs {ANSWERS} answers, one of them marked '- [x]'")
    return _one(asked), tuple(found)


def _sentences(file: _File, text: str, needed: Mapping[str, str]) -> dict[str, Template]:
    """The sentences by name: all that are needed, each with its slots."""
    found = {
        name: _one(said) for name, said in file.parts(f"\n{text}".partition("\n### ")[2], "\n### ")
    }
    for name, slots in needed.items():
        if name not in found or not found[name].text:
            raise file.fail(f"the sentence '### {name}' is missing or empty")
        _check_slots(file, f"the sentence '{name}'", [found[name]], slots)
    if strange := found.keys() - needed.keys():
        raise file.fail(f"there is no sentence '{min(strange)}'")
    return found


def _check_slots(file: _File, where: str, templates: Iterable[Template], needed: str) -> None:
    found: set[str] = set()
    for template in templates:
        try:
            found |= template.slots
        except ValueError as error:
            raise file.fail(f"in '{template.text}' the braces are wrong ({error})") from None
    if missing := set(needed.split()) - found:
        raise file.fail(f"{where} lacks the slot {{{min(missing)}}}")
    if strange := found - set(needed.split()):
        there = ", ".join(f"{{{name}}}" for name in sorted(needed.split())) or "none"
        raise file.fail(f"{where} has no slot {{{min(strange)}}}; there are: {there}")


def _one(text: str) -> Template:
    return Template(" ".join(text.split()))
