"""`python -m minivae course FOLDER`: a copy of the lessons that keeps what is the learner's."""

import json

import pytest

from minivae.cli import course
from minivae.cli.main import main

NAMES = "01_one.ipynb", "02_two.ipynb"


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """(the lessons, the learner's folder): two lessons of a few bytes."""
    lessons = tmp_path / "lessons"
    lessons.mkdir()
    for name in NAMES:
        (lessons / name).write_text(f"{name}, first version")
    monkeypatch.setattr(course, "LESSONS", lessons)
    return lessons, tmp_path / "mine"


def copied(folder):
    return {path.name: path.read_text() for path in folder.glob("*.ipynb")}


def run(folder, capsys):
    assert main(["course", str(folder)]) == 0
    return capsys.readouterr().out


def test_every_lesson_is_copied_once(tree, capsys):
    lessons, mine = tree
    out = run(mine, capsys)
    assert copied(mine) == copied(lessons)
    assert f"jupyter lab {mine / NAMES[0]}" in out
    assert "as it was" in run(mine, capsys)
    assert copied(mine) == copied(lessons)


def test_what_a_lesson_imports_from_beside_it_is_copied_too(tree, capsys):
    lessons, mine = tree
    (lessons / "page.py").write_text("first version")
    run(mine, capsys)
    assert (mine / "page.py").read_text() == "first version"
    (mine / "page.py").write_text("my version")
    (lessons / "page.py").write_text("second version")
    run(mine, capsys)
    assert (mine / "page.py").read_text() == "my version"
    assert (mine / "page_2.py").read_text() == "second version"


def test_what_was_worked_on_stays_and_the_newer_lesson_comes_beside_it(tree, capsys):
    lessons, mine = tree
    run(mine, capsys)
    (mine / NAMES[0]).write_text("my answers")
    assert "yours, as you left it" in run(mine, capsys)
    for name in NAMES:
        (lessons / name).write_text("second version")
    out = run(mine, capsys)
    assert "newer than 01_one.ipynb, which is yours and stays as it is" in out
    assert "newer now; you had not worked in it" in out
    expected = {
        "01_one.ipynb": "my answers",
        "01_one_2.ipynb": "second version",
        "02_two.ipynb": "second version",
    }
    assert copied(mine) == expected
    run(mine, capsys)  # nothing new: nothing more
    assert copied(mine) == expected

    (lessons / NAMES[0]).write_text(
        "third version"
    )  # takes the place of the second, in which nobody has worked
    run(mine, capsys)
    assert copied(mine) == expected | {"01_one_2.ipynb": "third version"}
    (mine / "01_one_2.ipynb").write_text("my second answers")
    (lessons / NAMES[0]).write_text("fourth version")
    run(mine, capsys)
    assert copied(mine) == expected | {
        "01_one_2.ipynb": "my second answers",
        "01_one_3.ipynb": "fourth version",
    }


def test_a_lesson_that_was_only_opened_is_untouched(tree, capsys):
    """JupyterLab writes the version of its own Python into a notebook."""
    lessons, mine = tree
    (lessons / NAMES[0]).write_text('first, "version": "3.11.7"')
    run(mine, capsys)
    (mine / NAMES[0]).write_text('first, "version": "3.14.0"')
    assert "as it was" in run(mine, capsys)
    (lessons / NAMES[0]).write_text('second, "version": "3.11.7"')
    run(mine, capsys)
    assert copied(mine) == copied(lessons)


def test_a_file_that_was_there_before_is_the_learners(tree, capsys):
    _, mine = tree
    mine.mkdir()
    (mine / NAMES[0]).write_text("something else")
    run(mine, capsys)
    assert copied(mine)[NAMES[0]] == "something else"
    assert copied(mine)["01_one_2.ipynb"] == "01_one.ipynb, first version"


def test_a_removed_lesson_is_new_again(tree, capsys):
    _, mine = tree
    run(mine, capsys)
    (mine / NAMES[1]).unlink()
    assert "new" in run(mine, capsys)
    assert set(copied(mine)) == set(NAMES)


@pytest.mark.parametrize(
    "folder, words", [("", "FOLDER is empty"), ("lessons", "the lessons themselves"), ("a file", "a file")]
)
def test_errors(tree, tmp_path, capsys, folder, words):
    (tmp_path / "a file").write_text("")
    assert main(["course", str(tmp_path / folder) if folder else ""]) == 2
    assert words in capsys.readouterr().err


def test_a_damaged_record_is_told(tree, capsys):
    _, mine = tree
    mine.mkdir()
    (mine / course.HANDED_OUT).write_text(json.dumps([1])[:-1])
    assert main(["course", str(mine)]) == 2
    assert "is damaged" in capsys.readouterr().err
    assert not copied(mine)


def test_without_lessons(tree, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(course, "LESSONS", tmp_path / "nowhere")
    assert main(["course", str(tmp_path / "mine")]) == 2
    assert "there are no lessons in" in capsys.readouterr().err
