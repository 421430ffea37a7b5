"""Progress: nothing is lost, whoever writes, whatever breaks."""

from __future__ import annotations

import json
import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest

from gmmteach.practice import progress
from gmmteach.practice.progress import Store, default_path


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "deep" / "progress.json")


def add_one(record: dict[str, Any]) -> dict[str, Any]:
    return {**record, "count": record.get("count", 0) + 1}


def test_there_is_nothing_before_the_first_change(store: Store) -> None:
    assert store.read() == {section: {} for section in progress.SECTIONS}
    assert not store.path.exists()


def test_what_is_changed_is_kept(store: Store) -> None:
    assert store.change("exercises", "e_step", add_one) == {"count": 1}
    assert store.change("exercises", "e_step", add_one) == {"count": 2}
    store.change("cards", "singularity", lambda record: {"ease": "gut, μ"})
    known = Store(store.path).read()
    assert known["exercises"] == {"e_step": {"count": 2}}
    assert known["cards"]["singularity"]["ease"] == "gut, μ"
    assert json.loads(store.path.read_text(encoding="utf-8"))["format"] == 1
    assert sorted(path.name for path in store.path.parent.iterdir() if ".lock" not in path.name) == ["progress.json"]


def test_a_copy_is_read(store: Store) -> None:
    store.change("cards", "a", lambda _: {"x": [1]})
    store.read()["cards"]["a"]["x"].append(2)
    assert store.read()["cards"]["a"] == {"x": [1]}


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GMMTEACH_PROGRESS", raising=False)
    assert default_path().name == "progress.json"
    assert "gmmteach" in default_path().parts
    monkeypatch.setenv("GMMTEACH_PROGRESS", str(tmp_path / "mine.json"))
    assert Store().path == tmp_path / "mine.json"


def count_up(path: Path, times: int) -> None:
    for _ in range(times):
        Store(path).change("questions", "03/1", add_one)


def test_two_notebooks_at_once(store: Store) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=count_up, args=(store.path, 25)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert store.read()["questions"]["03/1"] == {"count": 75}


def test_a_crash_in_mid_write_loses_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.change("cards", "a", add_one)

    def crash(file: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", crash)
        with pytest.raises(KeyboardInterrupt):
            store.change("cards", "a", add_one)
    assert store.read()["cards"]["a"] == {"count": 1}
    assert store.change("cards", "a", add_one) == {"count": 2}


@pytest.mark.parametrize("damage", ["", "{", "[]", '"text"', '{"cards": {}}', "\x00\x01"])
def test_what_cannot_be_read_is_put_aside(store: Store, damage: str) -> None:
    store.path.parent.mkdir()
    store.path.write_text(damage, encoding="utf-8")
    assert store.read()["cards"] == {}
    assert store.path.read_text(encoding="utf-8") == damage  # reading changes nothing
    with pytest.warns(RuntimeWarning, match=r"could not be read; it is now progress\.unreadable-1\.json"):
        store.change("cards", "a", add_one)
    assert (store.path.parent / "progress.unreadable-1.json").read_text(encoding="utf-8") == damage
    assert store.read()["cards"] == {"a": {"count": 1}}


def test_a_record_that_somebody_broke_is_left_out(store: Store) -> None:
    store.path.parent.mkdir()
    store.path.write_text('{"format": 1, "cards": {"a": 3, "b": {"count": 1}}, "exercises": [1]}', encoding="utf-8")
    assert store.read()["cards"] == {"b": {"count": 1}}
    assert store.change("exercises", "e_step", add_one) == {"count": 1}


def test_a_later_version_is_read_and_left_alone(store: Store) -> None:
    text = '{"format": 2, "cards": {"a": {"count": 7, "new": true}}, "dreams": {}}'
    store.path.parent.mkdir()
    store.path.write_text(text, encoding="utf-8")
    assert store.read()["cards"]["a"]["count"] == 7
    with pytest.warns(RuntimeWarning, match="later version"):
        assert store.change("cards", "a", add_one)["count"] == 8
    assert store.path.read_text(encoding="utf-8") == text


def test_what_this_version_does_not_know_is_kept(store: Store) -> None:
    store.path.parent.mkdir()
    store.path.write_text('{"format": 1, "extra": {"x": 1}, "cards": {}}', encoding="utf-8")
    store.change("cards", "a", add_one)
    assert json.loads(store.path.read_text(encoding="utf-8"))["extra"] == {"x": 1}


def test_where_nothing_can_be_written_one_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.warns(RuntimeWarning, match="your progress cannot be kept"):
        assert Store(tmp_path / "file" / "progress.json").change("cards", "a", add_one) == {"count": 1}


def test_one_can_delete_it(store: Store) -> None:
    assert not store.delete()
    store.change("cards", "a", add_one)
    assert store.delete()
    assert list(store.path.parent.iterdir()) == []


def test_there_are_four_sections(store: Store) -> None:
    with pytest.raises(ValueError, match="'dreams', but it must be one of exercises, questions, cards, tests"):
        store.change("dreams", "a", add_one)
