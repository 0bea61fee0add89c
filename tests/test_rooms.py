"""The rooms of the package keep their borders."""

import ast

from rooms import FLOORS, ROOT, SMALL, imports, table

FLOOR_OF = {name: place for place, floor in enumerate(FLOORS) for name in floor}


def test_every_room_has_a_floor():
    files = (ROOT / "qtdog").iterdir()
    found = {path.stem for path in files if path.suffix in ("", ".py") and path.stem[0] != "_"}
    assert found == set(FLOOR_OF) - {"app"}


def test_rooms_import_downwards_only():
    wrong = [
        f"{one.where} imports {one.module}"
        for one in imports()
        if one.importer in FLOOR_OF and one.imported in FLOOR_OF and one.importer != one.imported
        if not (
            FLOOR_OF[one.importer] < FLOOR_OF[one.imported]
            or (one.importer in SMALL and one.imported in SMALL)
        )
    ]
    assert wrong == []


def test_the_inside_of_a_room_is_not_imported_from_outside():
    wrong = [
        f"{one.where} imports {one.module}"
        for one in imports()
        if one.imported
        and one.imported != one.importer
        and one.imported not in SMALL
        and one.module.count(".") > (2 if one.imported == "ui" else 1)  # the tabs' folders
    ]
    assert wrong == []


def test_no_torch_in_the_page_and_no_gradio_below_it():
    wrong = []
    for one in imports():
        library = one.module.partition(".")[0]
        if library in ("torch", "torchvision") and one.importer in ("ui", "browser", "app"):
            wrong.append(f"{one.where} imports {one.module}")
        if library == "gradio" and one.importer not in ("ui", "app"):
            wrong.append(f"{one.where} imports {one.module}")
    assert wrong == []


def test_every_room_says_in_one_sentence_what_it_is():
    for init in sorted((ROOT / "qtdog").rglob("__init__.py")):
        said = ast.get_docstring(ast.parse(init.read_text(encoding="utf-8")))
        assert (said or "").partition("\n")[0].endswith("."), init


def test_the_table_in_the_documentation_is_what_the_code_says():
    assert table() in (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
