"""``gmmteach progress``: what the learner has done, where it is kept, and how to be rid of it."""

from __future__ import annotations

from ..practice.overview import show_progress
from ..practice.progress import Store
from .trouble import say


def progress(*, delete: bool = False, sure: bool = False) -> int:
    """Say what is known, or delete it after asking."""
    store = Store()
    if delete:
        return _delete(store, sure)
    overview = show_progress()
    if not overview.begun:
        say(f"Nothing yet. It will be kept in {store.path}, and nowhere else.")
        return 0
    say(repr(overview))
    say(f"Kept in {store.path}, and nowhere else; gmmteach progress --delete deletes it.")
    return 0


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
