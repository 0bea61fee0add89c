"""The address's parameters: what is valid is taken, what is not is named and ignored."""

import gradio as gr
import pytest

from qtdog.ui.address import Address, one_of, several_of, whole_number, yes_or_no


@pytest.fixture
def address():
    with gr.Blocks():
        address = Address()
        address.add("domain", gr.Dropdown(["pacs/art", "pacs/sketch"]), one_of(["pacs/sketch"]))
        address.add("severity", gr.Slider(0, 5, value=2), whole_number(0, 5))
        address.add("look", gr.Checkbox(), yes_or_no)
        address.add("models", gr.CheckboxGroup(["erm", "eoq"]), several_of(["erm", "eoq"]))
        with gr.Tabs():
            for name in ("try", "shift", "learn"):
                address.add_tab(gr.Tab(name, id=name))
    return address


def test_valid_values_get_their_type(address):
    opened = address.parse(
        {
            "domain": "pacs/sketch",
            "severity": "3",
            "look": "true",
            "models": "eoq,erm",
            "tab": "learn",
            "tabs": "try,learn",
        }
    )
    assert opened.problems == ()
    assert opened.values == {
        "domain": "pacs/sketch",
        "severity": 3,
        "look": True,
        "models": ["eoq", "erm"],
        "tab": "learn",
        "tabs": ["try", "learn"],
    }


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("domain", "pacs/nowhere", "it can be pacs/sketch."),
        ("severity", "6", "it is a whole number from 0 to 5."),
        ("severity", "3.0", "it is a whole number from 0 to 5."),
        ("severity", "1_0", "it is a whole number from 0 to 5."),
        ("severity", "\u0663", "it is a whole number from 0 to 5."),
        ("severity", "", "it is a whole number from 0 to 5."),
        ("severity", "9" * 5000, "it is too long."),
        ("look", "yes", "it can be true, false."),
        ("models", "erm,swad", "it can be erm, eoq."),
        ("tab", "about", "it can be try, shift, learn."),
        ("tabs", "try,about", "it can be try, shift, learn."),
    ],
)
def test_a_wrong_value_is_ignored_and_named(address, name, text, told):
    opened = address.parse({name: text, "look": "false"} if name != "look" else {name: text})
    assert name not in opened.values
    (problem,) = opened.problems
    assert problem.startswith(f"This link's {name} \"{text[:40]}")
    assert problem.endswith(told)
    assert len(problem) < 200


def test_what_nobody_registered_is_left_alone(address):
    opened = address.parse({"__theme": "dark", "utm_source": "mail"})
    assert (opened.values, opened.problems) == ({}, ())


def test_a_name_has_one_owner(address):
    with gr.Blocks():
        for name in ("severity", "tab", "tabs"):
            with pytest.raises(ValueError, match=f"a parameter '{name}' already"):
                address.add(name, gr.Slider(), whole_number(0, 1))


def test_what_follows_the_held_out_domain_goes_without_saying():
    address = Address()
    with gr.Blocks():
        address.add("domain", gr.Textbox("a"), one_of("ab"))
        address.add("pair", gr.Textbox("a1"), one_of(("a1", "b1", "b2")), usual={"b": "b1"})
    assert address.parse({"domain": "b"}).values["pair"] == "b1"
    assert address.parse({"domain": "b", "pair": "b2"}).values["pair"] == "b2"
    assert "pair" not in address.parse({"domain": "a"}).values


def test_an_older_link_is_read_by_todays_names(address):
    address.older(lambda query: {"severity": query["hardness"]} if "hardness" in query else {})
    assert address.parse({"hardness": "3"}).values == {"severity": 3}


@pytest.mark.thorough
def test_older_links_open_the_domain_of_the_tab_that_they_open(address):
    with gr.Blocks():
        address.add("held", gr.Textbox("a"), one_of("abc"), of_tabs=("shift",))
    assert address.parse({"tab": "shift", "shift-held": "b", "held": "c"}).values["held"] == "b"
    assert address.parse({"tab": "learn", "shift-held": "b", "held": "c"}).values["held"] == "c"
    assert "held" not in address.parse({"shift-held": "b"}).values
    (problem,) = address.parse({"tab": "shift", "shift-held": "no"}).problems
    assert "it can be a, b, c." in problem
