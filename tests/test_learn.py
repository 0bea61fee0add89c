"""Learn, Quantize and About: their texts follow the data, and they work in a real browser."""

import csv
import dataclasses
import json
import math
import re
import shutil
from pathlib import Path

import gradio as gr
import pytest
from bundled import BITS, ENSEMBLE
from pages import DESKTOP, PHONE, opening, sample
from playwright.sync_api import expect
from servers import ROOT
from tiny import CLASSES, save_set

from qtdog.accuracy import Accuracy
from qtdog.checkpoints import load_config
from qtdog.citation import CITATION
from qtdog.explorer import Answers, ComparedNetwork, Explorer, Grid, Lab, Lesson, lesson, standings
from qtdog.explorer.lab import Contender
from qtdog.explorer.lessons import read_curve
from qtdog.images import read_image
from qtdog.results import load_results
from qtdog.ui.about import tab as about
from qtdog.ui.address import Address
from qtdog.ui.appearance import METHOD_STYLES
from qtdog.ui.learn import figures as learn_figures
from qtdog.ui.learn import toys as learn_toys
from qtdog.ui.learn.measured import limits, measured_sentences
from qtdog.ui.learn.steps import ensemble_sentence, steps
from qtdog.ui.learn.tab import learn_tab
from qtdog.ui.learn.words import TEXTS, Template, TextError, read_texts
from qtdog.ui.quantize.network import network_sentence
from qtdog.ui.samples import known_to, samples

BUNDLED = ROOT / "checkpoints"
ERM = "pacs/sketch/erm-seed0"
SAID = read_texts()


def network(method: str, seed: int, correct: int, source: float | None = 0.9) -> ComparedNetwork:
    bits, size = (32, 9_000_000) if method == "erm" else (7, 2_000_000)
    size *= 5 if method == "eoq" else 1
    name = f"{method}-seed{seed}"
    target = Accuracy(correct, 1000)
    return ComparedNetwork(
        name, method, bits, False, "sketch", seed, source, target, size, 100, 40, ()
    )


@pytest.fixture(scope="module")
def told() -> Lesson:
    return lesson(Explorer(BUNDLED))


def with_networks(told: Lesson, *networks: ComparedNetwork) -> Lesson:
    return dataclasses.replace(told, all=networks)


def test_the_steps_say_which_weights_are_kept_and_what_five_networks_take(told):
    def said(bits: int, averaged: bool) -> tuple[str, str]:
        networks = [
            dataclasses.replace(one, averaged=averaged, bits=32 if one.method == "erm" else bits)
            for one in told.all
        ]
        walk = steps(with_networks(told, *networks))
        return "".join(walk[4].before), "".join(walk[5].before)

    training, memory = said(7, averaged=False)
    assert "the weights of one step are kept, which source validation chose" in training
    assert "5 × 7 = 35 bits where a single one in full precision takes 32: about as much" in (
        " ".join(memory.split())
    )
    training, memory = said(5, averaged=True)
    assert "Here they are the <b>mean</b> over many steps, rounded once more" in training
    assert "takes 32: less." in " ".join(memory.split())
    assert "takes 32: more." in " ".join(said(8, averaged=False)[1].split())


def test_there_are_eight_steps_with_one_right_answer_each(told):
    walk = steps(told)
    assert len(walk) == 8
    for step in walk:
        assert sum(option.right for option in step.quiz.options) == 1
        assert all(option.why for option in step.quiz.options)
        assert len(step.quiz.options) == 3  # learn.css shows as many explanations


def test_the_text_follows_the_data(told):
    def said(*networks: ComparedNetwork) -> str:
        (sentence,) = measured_sentences(SAID, standings(with_networks(told, *networks)))
        return sentence

    assert said(network("erm", 0, 742), network("qt-dog", 0, 718)) == (
        "On <b>sketch</b>, a single QT-DoG network is 2.4 points below full precision (71.8 %, "
        "one seed against 74.2 %, one seed)."
    )
    above = said(network("erm", 0, 700), network("qt-dog", 0, 720), network("qt-dog", 1, 740))
    assert "3.0 points above full precision (73.0 %, mean of two seeds" in above
    assert "is level with full" in said(network("erm", 0, 700), network("qt-dog", 0, 700))


def results_of(
    method: str, accuracies: dict[int | None, float], width: int = 7, averaged: bool = False
):
    """As measured.csv has them, on sketch."""
    like = load_results().measured[0]
    run = dataclasses.replace(like.measurement, averaged=averaged)
    bits = width if method in ("QT-DoG", "EoQ", "Freeze") else None
    return [
        dataclasses.replace(
            like,
            method=method,
            bits=bits,
            domain="sketch",
            accuracy=accuracy,
            measurement=dataclasses.replace(run, seed=seed),
        )
        for seed, accuracy in accuracies.items()
    ]


def test_what_was_not_measured_is_said_and_no_longer_when_it_was(told):
    assert any("has not been measured" in said for said in limits(SAID, told, standings(told)))
    five = round(100 * told.of("eoq")[0].target.fraction - 2, 1)
    numbers = standings(told, results_of("ERM ensemble", {None: five}, BITS, ENSEMBLE.averaged))
    said = " ".join(limits(SAID, told, numbers))
    assert "has not been measured" not in said
    assert f"{five:.1f} % on sketch" in said
    gap = 100 * told.of("eoq")[0].target.fraction - five
    assert f"EoQ is {gap:.1f} points above them" in steps(told, numbers)[6].quiz.options[1].why


def test_networks_with_fitted_step_sizes_stand_beside_runs_of_their_kind(told):
    fitted = dataclasses.replace(network("qt-dog", 0, 700), quantizer="lsq-fitted")
    measured = [
        *results_of("QT-DoG", {1: 50.0, 2: 51.0}),
        *(
            dataclasses.replace(one, bits=7)
            for one in results_of("QT-DoG (fitted)", {1: 72.0, 2: 74.0})
        ),
    ]
    numbers = standings(with_networks(told, fitted), measured)
    assert numbers.of("qt-dog", "sketch").accuracies == (70.0, 72.0, 74.0)


def test_seeds_that_are_measured_but_not_on_the_page_count_once(told):
    own = {one.seed: 100 * one.target.fraction for one in told.of("erm")}
    assert set(own) == {0}
    # Seed 0 stands in both: the network on the page is the one that is told of.
    measured = results_of("ERM", {0: 60.0, 1: 70.0, 2: 71.0}, BITS, ENSEMBLE.averaged)
    full = standings(told, measured).of("erm", "sketch")
    assert full.accuracies == (own[0], 70.0, 71.0)
    assert "Full precision was trained once" in " ".join(limits(SAID, told, standings(told)))
    sketch_alone = with_networks(told, *told.of("erm"), *told.of("qt-dog"))
    numbers = standings(sketch_alone, measured)
    assert "was trained" not in " ".join(limits(SAID, sketch_alone, numbers))
    others = [
        dataclasses.replace(one, **change)
        for one, change in zip(
            results_of("ERM", {3: 70.0, 4: 70.0, 5: 70.0}, BITS, ENSEMBLE.averaged),
            ({"backbone": "ResNet-50"}, {"dataset": "VLCS"}, {"domain": "moon"}),
            strict=True,
        )
    ]
    assert standings(told, others) == standings(told)


def test_four_domains_are_summed_up_and_stand_in_one_table(told):
    accuracies = {  # right of 1,000: full precision, QT-DoG with seed 0, EoQ
        "sketch": (700, 690, 740),
        "art_painting": (740, 750, 770),
        "cartoon": (760, 750, 780),
        "photo": (930, 920, 940),
    }
    networks = [
        dataclasses.replace(one, domain=domain)
        for domain, (full, single, eoq) in accuracies.items()
        for one in (
            network("erm", 0, full),
            network("qt-dog", 0, single),
            network("qt-dog", 1, single + 10),
            network("eoq", 9, eoq),
        )
    ]
    all_four = with_networks(told, *networks)
    numbers = standings(all_four, results_of("Freeze", {0: 64.0, 1: 67.0}))
    single, eoq = measured_sentences(SAID, numbers)
    # -0.5, 1.5, -0.5, -0.5 and 4, 3, 2, 1 points.
    assert "four held-out domains</b>, a single QT-DoG network is level with" in single
    assert "above on one, below on three" in single
    assert "EoQ is 2.5 points above full precision on average: above on each of them" in eoq
    shown = learn_figures.measured_table(numbers, ())
    assert shown.count("<tr>") == 1 + 4
    assert "<td>69.5 %\n69.0 to 70.0, 2 seeds</td>" in shown
    assert "<td>65.5 %\n64.0 to 67.0, 2 seeds</td>" + 3 * "<td>not measured</td>" in shown
    assert "<td>74.0 %</td>" in shown
    assert "From the paper" not in shown
    assert steps(all_four, numbers)[6].quiz.question.startswith("EoQ beats")


def test_an_eoq_below_its_members_is_not_praised(told):
    members = [network("qt-dog", seed, correct) for seed, correct in ((0, 700), (1, 740))]
    worse = with_networks(told, *members, network("eoq", 9, 720, None))
    assert "70.0 % to 74.0 %, 72.0 % on average" in ensemble_sentence(SAID, worse)
    assert "better than one of the two" in ensemble_sentence(SAID, worse)
    quiz = steps(worse)[6].quiz
    assert quiz.question.startswith("Suppose that")


def test_the_lesson_tells_what_the_bundled_configs_say(told):
    for one in told.all:
        folder = BUNDLED / "pacs" / one.domain
        config = load_config(folder / one.name)
        assert one.target == config.target
        assert one.bits == config.bits
        if one.method != "eoq":
            source = [part.fraction for part in config.source_validation]
            assert one.source_validation == pytest.approx(sum(source) / len(source))
            assert one.file_bytes == (folder / one.name / "model.safetensors").stat().st_size
    eoq = told.of("eoq")[0]
    assert eoq.file_bytes == sum(one.file_bytes for one in told.of("qt-dog"))
    assert f"{eoq.target.correct:,} of {eoq.target.total:,}" in ensemble_sentence(SAID, told)
    assert f"{eoq.file_bytes / 1e6:.2f} MB" in learn_figures.memory_bars(told)


def test_a_training_curve_is_read_or_left_out(told, tmp_path):
    curve = read_curve(BUNDLED / "pacs" / "sketch" / "erm-seed0")
    lines = (BUNDLED / "pacs/sketch/erm-seed0/log.csv").read_text().splitlines()[1:]
    assert len(curve) == len(lines)
    step, quantized, _, source, target = lines[-1].split(",")[:5]
    last = curve[-1]
    assert (last.step, last.quantized) == (int(step), quantized == "True")
    assert (last.source_validation, last.target) == (float(source), float(target))
    folder = BUNDLED / "pacs" / "art_painting" / "erm-averaged-seed0"
    before, after = (read_curve(folder, averaged=True)[place] for place in (0, -1))
    rows = list(csv.DictReader((folder / "log.csv").open()))
    assert before.target == float(rows[0]["target"])
    assert after.source_validation == float(rows[-1]["averaged_source_validation"])
    assert after.target == float(rows[-1]["averaged_target"])
    assert read_curve(tmp_path) == ()
    (tmp_path / "log.csv").write_text("step\n1\n")
    assert read_curve(tmp_path) == ()


@pytest.mark.parametrize("bits", range(1, 9))
def test_the_rounding_toy_stays_within_half_a_step(bits):
    toy = learn_toys.rounded_curve(bits)
    errors = [abs(y - rounded[1]) for (_, y), rounded in zip(toy.curve, toy.rounded, strict=True)]
    assert max(errors) <= toy.largest_error + 1e-12
    assert toy.largest_error == toy.step_size / 2
    codes = {round((y + 1) / toy.step_size - 0.5, 9) for _, y in toy.rounded}
    assert codes <= set(range(2**bits))
    assert len(codes) <= toy.levels == 2**bits


def test_one_bit_shows_two_levels():
    values = {round(y, 9) for _, y in learn_toys.rounded_curve(1).rounded}
    assert values == {-0.5, 0.5}
    assert learn_toys.rounding_toy(1).count('stroke="var(--line)"') == 2


def test_a_toy_has_no_models_colour():
    shown = learn_toys.rounding_toy(3) + learn_toys.valley_toy(0.4)
    assert not [method for method in METHOD_STYLES if f"var(--{method})" in shown]


def test_an_answer_says_once_whether_it_is_right(told):
    for step in steps(told):
        for option in step.quiz.options:
            assert not re.match(r"(Yes|Right|No|Not quite)\b", option.why)
            assert option.why[0] == option.why[0].upper()


def test_what_the_table_calls_frozen_was_introduced(told):
    walk = steps(told)
    place = next(n for n, one in enumerate(walk) if "<b>frozen</b>" in "".join(one.before))
    assert place < len(walk) - 2  # the table is in the last but one


@pytest.mark.parametrize("step", [0.0, 0.3, 1.7])
def test_the_valleys_expected_loss_is_the_mean_over_the_noise(step):
    for valley in (learn_toys.NARROW, learn_toys.WIDE):
        n = 20_000
        noise = [(place + 0.5) / n * step - step / 2 for place in range(n)]
        mean = sum(valley.loss(valley.bottom + shake) for shake in noise) / n
        assert valley.expected_loss(step) == pytest.approx(mean, rel=1e-6)
    turn = learn_toys.even_step_size()
    assert learn_toys.NARROW.expected_loss(turn) == pytest.approx(
        learn_toys.WIDE.expected_loss(turn)
    )


def test_the_server_is_described_without_importing_torch_in_the_page():
    shown = about.server()
    assert re.search(r"torch \d+\.\d+", shown)
    assert "Python" in shown


def test_about_lists_every_checkpoint_with_its_counts_and_hash(tmp_path):
    explorer = Explorer(save_set(tmp_path, members=2))
    shown = about.checkpoint_tables(explorer)
    for one in explorer.checkpoints("pacs/sketch"):
        assert f'<th scope="row">{one.name}</th>' in shown
        target = one.config.target
        assert f"{target.correct:,} of {target.total:,}" in shown
        if one.config.method != "eoq":
            assert one.config.files[0].sha256[:10] in shown
    assert shown.count("<tr><th") == 4 + 1
    assert "members: qt-dog-7bit-seed0, qt-dog-7bit-seed1" in shown


def copied(tmp_path: Path) -> Path:
    """The texts, to be changed."""
    return Path(shutil.copytree(TEXTS, tmp_path / "texts" / "en"))


def test_a_teacher_can_change_what_a_step_says(told, tmp_path):
    file = copied(tmp_path) / "1-domains.md"
    text = file.read_text(encoding="utf-8").replace("Three kinds of networks answer", "**Look**")
    text = text.replace("A network learns from photos and paintings", "It learns {target}")
    file.write_text(text, encoding="utf-8")
    first = steps(told, texts=read_texts(file.parent))[0]
    assert first.after[0].startswith("<b>Look</b>: full precision, QT-DoG and EoQ.")
    assert first.quiz.question.startswith("It learns sketch. Then it must name")


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("1-domains", "{things}", "things", r"the step lacks the slot \{things\}"),
        ("1-domains", "{things}", "{thing}", r"the step lacks the slot \{things\}"),
        ("1-domains", "Three kinds", "{kinds}", r"has no slot \{kinds\}; there are: \{source"),
        ("4-valleys", "Now shake", "{0}", r"in '\{0\}.*' the braces are wrong"),
        ("4-valleys", "Now shake", "}", r"the braces are wrong"),
        ("4-valleys", "# Why", "Why", "it must begin with its title alone"),
        ("4-valleys", "## After", "## Later", "'## After' is missing or empty"),
        (
            "4-valleys",
            "Rounding shakes a weight equally far in a narrow and in a wide valley. "
            "Where does the loss rise more?",
            "",
            "no question above its answers",
        ),
        ("4-valleys", "- [x]", "- [ ]", "3 answers, one of them marked"),
        ("4-valleys", "- [x]", "- x", "must begin with"),
        ("4-valleys", "  The shake is equal; what it costs is not.", "", "has no explanation"),
        ("5-training", "### rounded_to", "### rounded_up", "'### rounded_to' is missing"),
        ("5-training", "{steps} steps", "steps", r"'first_steps' lacks the slot \{steps\}"),
        ("words", "### later", "### other", "'### later' is missing"),
    ],
)
def test_a_wrong_text_is_named_in_one_sentence(tmp_path, name, old, new, said):
    file = copied(tmp_path) / f"{name}.md"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(old, new), encoding="utf-8")
    assert old in text
    with pytest.raises(TextError, match=said) as raised:
        read_texts(file.parent)
    assert str(raised.value).startswith(f"texts/en/{name}.md: ")
    assert str(raised.value).endswith(".")
    assert "\n" not in str(raised.value)


def test_a_missing_text_is_named_in_the_tab(tmp_path):
    (copied(tmp_path) / "3-rounding.md").unlink()
    with gr.Blocks() as page, gr.Tabs(), gr.Tab("Learn") as tab:
        learn_tab(Explorer(BUNDLED), Address(), tab, gr.Dropdown(), tmp_path / "texts" / "en")
    (shown,) = [one.value for one in page.blocks.values() if isinstance(one, gr.HTML)]
    assert "texts/en/3-rounding.md is missing." in shown
    assert str(tmp_path) not in shown


def test_what_fills_a_slot_is_text():
    template = Template("**{name}** of `{name}` isn't [here](https://example.org), {name}")
    evil = "<i>{x}**"
    assert template.html(name=evil) == (
        "<b>&lt;i&gt;{x}**</b> of <code>&lt;i&gt;{x}**</code> isn&#39;t "
        '<a href="https://example.org" target="_blank" rel="noopener">here</a>, &lt;i&gt;{x}**'
    )


# In a browser.


@pytest.fixture(scope="module")
def root(shared_set):
    return shared_set


@pytest.fixture(scope="module")
def address(shared_app):
    return shared_app


@pytest.fixture
def open_page(browser, address):
    with opening(browser, address) as open_one:
        yield open_one


@pytest.mark.slow
def test_the_keyboard_walks_through_all_steps_and_answers_each_question(open_page, root):
    page = open_page("?tab=learn")
    walk = steps(lesson(Explorer(root)))
    for place, step in enumerate(walk, start=1):
        page.locator(f"#learn-step-{place} h2", has_text=step.title).wait_for()
        assert page.locator(".learn-step:visible").count() == 1
        quiz = page.locator(f"#quiz-{place}")
        assert quiz.locator(".why:visible").count() == 0
        quiz.locator("input").first.focus()
        for number, option in enumerate(step.quiz.options):
            page.keyboard.press("ArrowDown" if number else "Space")
            shown = quiz.locator(".why:visible").all_inner_texts()
            word = "Right." if option.right else "Not quite."
            assert shown == [f"{word} {option.why}"]
        if place < len(walk):
            page.locator("#learn-on").focus()
            page.keyboard.press("Enter")
            page.wait_for_url(f"**step={place + 1}*")
    assert page.locator("#learn-on").is_disabled()
    page.locator("#learn-back").press("Enter")
    page.wait_for_url("**step=7*")


@pytest.mark.thorough
def test_a_link_opens_its_step_and_paper_gets_all_of_them(open_page, root):
    page = open_page("?tab=learn&step=4")
    page.locator("#learn-step-4 h2").wait_for()
    expect(page.locator(".learn-step:visible")).to_have_count(1)
    page.emulate_media(media="print")
    expect(page.locator(".quiz .why:visible")).to_have_count(8)
    titles = page.locator(".learn-step .step-title:visible").all_inner_texts()
    walk = steps(lesson(Explorer(root)))
    assert titles == [f"{place}. {step.title}" for place, step in enumerate(walk, start=1)]
    right = [option.why for step in walk for option in step.quiz.options if option.right]
    shown = page.locator(".quiz .why:visible").all_inner_texts()
    assert len(shown) == 8
    assert all(why in text for why, text in zip(right, shown, strict=True))
    assert page.locator("#learn-moves").is_hidden()
    # Nothing is cut off at the end: every step begins a page.
    assert len(re.findall(rb"/Type\s*/Page[^s]", page.pdf(format="A4"))) >= 8


@pytest.mark.thorough
def test_the_toys_show_their_closed_forms(open_page):
    page = open_page("?tab=learn&step=3")
    _slide(page, "#learn-step-3", "5")
    step = 2 / 2**5
    page.locator("#rounding-toy caption + thead", has_text="5 bits").wait_for()
    shown = page.locator("#rounding-toy td").all_inner_texts()
    assert shown[:4] == ["2⁵ = 32", *(f"{x:.3g}" for x in (step, step / 2, step / math.sqrt(12)))]
    page.locator("#learn-steps label", has_text="4 Valleys").click()
    _slide(page, "#learn-step-4 .learn-control", "0.5")
    page.locator("#valley-toy figcaption", has_text="0.5").wait_for()
    shown = page.locator("#valley-toy td").all_inner_texts()
    assert shown[2:4] == [f"{0.1 + 24 * 0.25 / 24:.3f}", f"{0.25 + 1.5 * 0.25 / 24:.3f}"]
    assert "wide valley is better" in page.locator("#valley-toy .toy-said").inner_text()


@pytest.mark.thorough
def test_answers_stay_in_the_browser_and_tick_their_step(open_page, root):
    page = open_page("?tab=learn", viewport=DESKTOP)  # a browser that has answered nothing
    right = [one.right for one in steps(lesson(Explorer(root)))[0].quiz.options].index(True)
    ticked = page.locator("#learn-steps label[data-done]")
    page.locator("#quiz-1[data-kept]").wait_for()
    page.locator("#quiz-1 label").nth(right).click()
    expect(ticked).to_have_count(1)
    page.wait_for_function("window.qtdogAddressIsRead")
    assert page.complaints == []
    page.reload()
    page.complaints.clear()  # what was still asked when the page went has failed
    page.locator("#quiz-1[data-kept]").wait_for()
    expect(ticked).to_have_text("1 Domains")
    assert page.locator("#quiz-1 input").nth(right).is_checked()
    page.locator("#quiz-1 label").nth((right + 1) % 3).click()
    expect(ticked).to_have_count(0)


@pytest.mark.thorough
def test_a_sample_is_classified_in_the_first_step(open_page, root):
    page = open_page("?tab=learn")
    page.wait_for_function("window.qtdogAddressIsRead")
    house = sample("house-painting")
    page.locator("#learn-step-1 label", has_text=house.title).click()
    page.locator(f"#learn-step-1 img[alt='{house.alt}']").wait_for()
    answers = Explorer(root).classify(read_image(house.path), "pacs/sketch")
    shown = page.locator("#learn-step-1 .sampled li").all_inner_texts()
    assert len(shown) == len(answers) == 3
    for text, one in zip(shown, answers, strict=True):
        assert f"{one.model}: {one.label}" in text
        assert ("right" in text) == (one.label == "house")


@pytest.mark.thorough
def test_the_quantize_tab_shows_what_the_lab_computes(open_page, root):
    page = open_page("?tab=quantize&bits=7")
    page.locator("#quantize-network .network").wait_for(timeout=240_000)
    pictures = known_to(samples(), CLASSES)
    own = Lab(Explorer(root), lambda classes: [read_image(one.path) for one in pictures])
    rows = page.locator("table.answers tbody tr")
    contenders = own.contenders(ERM, Grid(8))
    assert rows.count() == len(contenders) == 10
    for row, contender in zip(rows.all(), contenders, strict=True):
        answers = own.answer_samples(contender)
        cells = row.locator("td").all_inner_texts()
        right = sum(
            said == sample.label for said, sample in zip(answers.labels, pictures, strict=True)
        )
        assert cells[0] == f"{right} of {len(pictures)}"
        assert cells[1] == f"{answers.network_bytes / 1e6:.2f} MB"
        for cell, said, sure in zip(cells[3:], answers.labels, answers.confidences, strict=True):
            assert said in cell
            assert cell.endswith(f"{sure * 100:.0f}")
    layers = own.layers(ERM)
    seen = own.round_layer(ERM, layers[len(layers) // 2].name, Grid(7))
    assert (
        page.locator("#quantize-layer table", has_text="In numbers")
        .inner_text()
        .count(f"{seen.rounding.clipped} (")
    )
    charts = page.locator("#quantize-layer svg.chart")
    assert charts.count() == 3  # weights, errors, and codes: QT-DoG was trained at 7 bits
    for chart, counts in zip(
        charts.all(), (seen.rounding.weights.counts, seen.rounding.errors.counts), strict=False
    ):
        bars = chart.locator("rect title").all_text_contents()
        drawn = [int(text.rpartition(": ")[2].replace(",", "")) for text in bars]
        assert drawn == [count for count in counts if count]


@pytest.mark.thorough
def test_moving_the_width_changes_the_layer(open_page):
    page = open_page("?tab=quantize")
    said = page.locator("#quantize-layer .summary")
    said.get_by_text("At 4 bits").wait_for()
    _slide(page, "#quantize-bits", "2")
    said.get_by_text("At 2 bits a weight can take 4 values").wait_for()
    page.wait_for_url("**bits=2*")
    assert "cut off" in said.inner_text()


@pytest.mark.thorough
def test_nothing_is_wider_than_a_phone(open_page):
    page = open_page("?tab=learn&step=6")
    for tab, shown in (
        ("Learn", "#learn-step-6 h2"),
        ("Quantize", "#quantize-network .network"),
        ("About", "table.checkpoints"),
    ):
        page.set_viewport_size(DESKTOP)
        page.locator("#tabs").get_by_role("tab", name=tab).click()
        page.locator(f"{shown} >> visible=true").first.wait_for()
        page.set_viewport_size(PHONE)
        page.wait_for_function("document.documentElement.scrollWidth === 390")


@pytest.mark.thorough
def test_about_names_server_and_citation(open_page):
    page = open_page("?tab=about")
    assert page.locator("#citation textarea").input_value() == CITATION
    assert page.locator("table.checkpoints tbody tr").count() == 6
    assert "Python" in page.locator("dl.server").inner_text()


@pytest.mark.thorough
def test_the_endpoints_answer_as_the_lab_does(address, root):
    gradio_client = pytest.importorskip("gradio_client")
    client = gradio_client.Client(address, verbose=False)
    own = Lab(Explorer(root))
    listed = client.predict(ERM, "", api_name="/quantize_layer")["layers"]
    assert [one["name"] for one in listed] == [one.name for one in own.layers(ERM)]
    seen = client.predict(ERM, listed[2]["name"], 3, 2, api_name="/quantize_layer")
    expected = own.round_layer(ERM, listed[2]["name"], Grid(3), 1)
    assert seen == json.loads(json.dumps(dataclasses.asdict(expected)))
    picture = sample("guitar-pencil").path
    file = gradio_client.handle_file(str(picture))
    answers = client.predict(ERM, file, "tensor", "least error", api_name="/quantize_network")
    contenders = own.contenders(ERM, Grid(8, "tensor", "least error"))
    for answer, contender in zip(answers, contenders, strict=True):
        one = own.answer(contender, [read_image(picture)])
        assert (answer["method"], answer["bits"]) == (contender.method, contender.bits)
        assert answer["labels"] == list(one.labels)
        assert answer["probabilities"][0] == pytest.approx(one.probabilities[0], abs=1e-6)
    for wrong, reason in (
        ((ERM, "nothing"), "is no layer of"),
        ((ERM, listed[2]["name"], 9), "choose 2 to 8 bits"),
        ((ERM, listed[2]["name"], 4, 999), "no output channel 999"),
        (("nowhere", ""), "no full-precision checkpoint"),
    ):
        with pytest.raises(Exception, match=reason) as raised:
            client.predict(*wrong, api_name="/quantize_layer")
        assert "Traceback" not in str(raised.value)


def test_the_sentence_names_the_width_at_which_rounding_fails():
    answers = [_answers("erm", 32, 3), _answers("post-training", 8, 3)]
    answers += [_answers("post-training", 7, 2), _answers("post-training", 6, 1)]
    said = network_sentence([*answers, _answers("qt-dog", 6, 3)], ["dog"] * 3)
    assert "right on 3 of our 3 samples" in said
    assert "still gets 2 at 7 bits, but fewer than half at 6 bits (1 of 3)." in said
    assert "QT-DoG at 6 bits is right on 3 of 3." in said
    held = network_sentence(answers[:3], ["dog"] * 3)
    assert "it never gets fewer than half: 2 of 3 at 7 bits." in held


def _answers(method: str, bits: int, right: int) -> Answers:

    grid = None if bits == 32 else Grid(bits)
    probabilities = tuple((0.9, 0.1) if i < right else (0.2, 0.8) for i in range(3))
    return Answers(Contender("x", method, grid), ("dog", "horse"), probabilities, 1000)


def _slide(page, place: str, value: str) -> None:
    """Type a value into a slider's number field."""
    field = page.locator(f"{place} input[type=number]")
    field.fill(value)
    field.press("Enter")
