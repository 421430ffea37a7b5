"""``gmmteach progress``: what the learner has done, where it is kept, and how to be rid of it."""

from __future__ import annotations

from typing import Any

from ..practice.deck import load_deck
from ..practice.exercises import EXERCISES
from ..practice.progress import Store
from .trouble import say


def progress(*, delete: bool = False, sure: bool = False) -> int:
    """Say what is known, or delete it after asking."""
    store = Store()
    if delete:
        return _delete(store, sure)
    known = store.read()
    if not any(known.values()):
        say(f"Nothing yet. It will be kept in {store.path}, and nowhere else.")
        return 0
    say("Exercises")
    for name, exercise in sorted(EXERCISES.items(), key=lambda item: (item[1].notebook, item[0])):
        if record := known["exercises"].get(name):
            say(f"  {'✓' if record.get('passed') else '·'} {exercise.notebook}  {name:18} {_attempts(record)}")
    passed = sum(bool(record.get("passed")) for record in known["exercises"].values())
    say(f"  {passed} of {len(EXERCISES)} right.")
    if known["questions"]:
        right = sum(bool(record.get("right")) for record in known["questions"].values())
        say(f"Questions\n  {right} of the {len(known['questions'])} that you have answered are right.")
    say("Interview")
    for level, (seen, total) in load_deck(store=store).summary().items():
        say(f"  {level:18} {seen} of {total} cards seen")
    say(f"Kept in {store.path}, and nowhere else; gmmteach progress --delete deletes it.")
    return 0


def _attempts(record: dict[str, Any]) -> str:
    count = record.get("attempts", 0)
    hints = f", {record['hints']} of 3 hints" if record.get("hints") else ""
    return f"{count} attempt{'s' * (count != 1)}{hints}"


def _delete(store: Store, sure: bool) -> int:
    if not store.path.exists():
        say(f"There is nothing to delete: {store.path} does not exist.")
        return 0
    if not sure and input(f"Delete {store.path}? This cannot be undone. [y/N] ").strip().lower() not in ("y", "yes"):
        say("Nothing was deleted.")
        return 0
    store.delete()
    say(f"Deleted: {store.path}")
    return 0
