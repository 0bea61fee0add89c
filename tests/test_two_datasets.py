"""Two data sets in one page: everything follows the held-out domain, and links carry it."""

import gradio as gr
import pytest
from pages import opening
from servers import running_app
from two_datasets import DOMAINS, save_two_datasets

from qtdog.explorer import Explorer
from qtdog.results import AVERAGE, load_results
from qtdog.ui.batch import figures as batch_figures
from qtdog.ui.choices import domain_choice
from qtdog.ui.classify import handlers as classify
from qtdog.ui.classify import layout as classify_layout
from qtdog.ui.landscape.measuring import first_samples
from qtdog.ui.learn.handlers import Handlers as LearnHandlers
from qtdog.ui.learn.layout import lay_out as lay_out_learn
from qtdog.ui.learn.telling import tell
from qtdog.ui.learn.words import read_texts
from qtdog.ui.results.choices import benchmark_of, domain_in
from qtdog.ui.samples import known_to, samples

PACS, DIGITS = "pacs/sketch", "rotated_digits/15-degrees"
METHODS = ("erm", "qt-dog", "eoq")
PICTURES = samples()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return save_two_datasets(tmp_path_factory.mktemp("two"))


@pytest.fixture(scope="module")
def explorer(root):
    return Explorer(root)


def test_the_choice_has_all_domains_those_of_a_data_set_together(explorer):
    with gr.Blocks():
        choice = domain_choice(explorer.targets())
    keys = [key for _, key in choice.choices]
    assert sorted(keys) == sorted(f"{one}/{domain}" for one in DOMAINS for domain in DOMAINS[one])
    datasets = [key.partition("/")[0] for key in keys]
    assert datasets == ["pacs"] * 4 + ["rotated_digits"] * 6
    assert ("15-degrees (rotated digits)", DIGITS) in choice.choices
    assert ("art painting (PACS)", "pacs/art_painting") in choice.choices


def test_samples_are_those_that_show_a_class_of_the_models(explorer):
    assert known_to(PICTURES, ("dog", "zebra")) == tuple(
        one for one in PICTURES if one.label == "dog"
    )
    assert [one.name for one in known_to(PICTURES, ("mug",))] == ["mug-catalogue", "mug-pencil"]
    assert known_to(PICTURES, ("zebra",)) == PICTURES, "of none all are offered"
    assert first_samples(PICTURES, explorer.target(DIGITS).classes) == []


def test_try_it_offers_and_answers_for_the_other_data_set(explorer):
    with gr.Blocks():
        target = domain_choice(explorer.targets())
        on = classify_layout.lay_out(explorer.targets(), target, METHODS, PICTURES, PICTURES[0])
    at_first = classify.Asked(PACS, METHODS, label="", look=False)
    handlers = classify.Handlers(explorer, on, PICTURES, PICTURES[0], at_first)
    asked = (DIGITS, METHODS, "dog", False)
    (shown,) = handlers.choose_target(str(PICTURES[0].path), PACS, *asked)
    assert shown[on.offered] == DIGITS
    assert shown[on.gallery].label == classify_layout.OURS_OF_OTHERS
    assert shown[on.label].value == "", "the class of before is none of these"
    assert "never saw the domain <b>15-degrees</b>" in shown[on.question]
    assert "The picture's class" not in shown[on.answers]
    (shown,) = handlers.first_answer({"domain": DIGITS})
    assert shown[on.gallery].label == classify_layout.OURS_OF_OTHERS
    (shown,) = handlers.choose_target(str(PICTURES[0].path), PACS, PACS, METHODS, "", False)
    assert on.gallery not in shown, "the samples stay where they fit"


def test_learn_tells_of_the_domain_that_is_held_out(explorer):
    texts, results = read_texts(), load_results()

    def told_of(key):
        return tell(explorer, results, texts, (), key)

    with gr.Blocks():
        on = lay_out_learn(told_of(PACS), texts, PICTURES, None)
    does = LearnHandlers(explorer, on, texts, PICTURES, told_of)
    shown = does.follow(DIGITS, PACS, "dog-line", "dog-line")
    before, _ = on.said[0]
    assert "Here that is <b>15-degrees</b>" in shown[before]
    assert "15-degrees" in shown[on.abroad]
    assert "Rotated" not in shown[on.measured]
    assert shown[on.shown] == DIGITS
    assert does.follow(DIGITS, DIGITS, "dog-line", "dog-line").keys() == {on.shown}


def test_results_show_the_held_out_domain_of_their_own_data_set_alone():
    domains = (AVERAGE, "cartoon", "sketch")
    assert domain_in(domains, "PACS", PACS, AVERAGE) == AVERAGE
    assert domain_in(domains, "PACS", PACS, "held-out") == "sketch"
    assert domain_in(domains, "PACS", "office/sketch", "held-out") == ""
    assert domain_in(("sketch",), "PACS", DIGITS, AVERAGE) == "sketch", "of one there is no mean"
    assert benchmark_of(PACS, ("VLCS", "PACS")) == "PACS"
    assert benchmark_of(DIGITS, ("VLCS", "PACS")) == ""


def test_a_batch_names_the_domain_with_its_data_set():
    said = batch_figures.of_others(DIGITS, PACS)
    assert "never saw 15-degrees (rotated digits)" in said
    assert "never saw sketch (PACS)" in said


@pytest.mark.slow
def test_every_tab_follows_the_domain_and_the_link_opens_it_again(browser, root):
    with running_app(root) as address, opening(browser, address) as open_one:
        page = open_one()
        page.locator("#answers .card").first.wait_for()
        page.locator("#target input").click()
        page.get_by_role("option", name="15-degrees (rotated digits)").click()
        page.locator("#question, .question").first.wait_for()
        page.wait_for_function(
            "document.querySelector('#answers').innerText.includes('9') &&"
            " document.querySelector('#page').innerText.includes('never saw the domain 15-degrees')"
        )
        assert "none shows what these models know" in page.inner_text("#samples")
        assert "domain=rotated_digits" in page.url
        query = page.url.partition("?")[2]
        again = open_one(f"?{query}&tab=learn")
        again.locator("#learn-step-1 .sampled").wait_for()
        again.wait_for_function(
            "document.querySelector('#learn-step-1').innerText.includes('Here that is 15-degrees')"
        )
        again.click('#tabs button[role=tab][data-tab-id="quantize"]')
        again.locator("#quantize-layer .measured-at, #quantize-layer .summary").first.wait_for()
        assert "15-degrees" in again.input_value("#weights-first input")
        # Back to the first data set, on this tab.
        again.locator("#target input").click()
        again.get_by_role("option", name="photo (PACS)").click()
        again.wait_for_function(
            "document.querySelector('#weights-second input').value.startsWith('photo (PACS)')"
        )
        assert "weights-first" not in again.url, "what follows the domain goes without saying"
        again.click('#tabs button[role=tab][data-tab-id="results"]')
        again.wait_for_function(
            "document.querySelector('#below-training')?.innerText.includes('photo')"
        )
        assert "photo (PACS) alone" in again.inner_text("#memory-domain")
