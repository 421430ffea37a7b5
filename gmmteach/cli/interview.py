"""``gmmteach interview``: the deck in a terminal, as cards for Anki, or as a page to print."""

from __future__ import annotations

import html
import re
import textwrap
from pathlib import Path

from ..practice.deck import RATINGS, Card, Deck, comes_back, load_deck, to_csv, to_page
from .trouble import Trouble, say

KEYS = dict(zip("1234", RATINGS, strict=True))


def interview(
    level: str | None,
    topic: str | None,
    *,
    folder: str | None = None,
    export: str | None = None,
    page: str | None = None,
    force: bool = False,
) -> int:
    """Ask, or write the chosen cards to a file."""
    try:
        deck = load_deck(folder)
        cards = deck.chosen(level, topic)
    except (OSError, ValueError) as error:
        raise Trouble(str(error)) from None
    for target, write in ((export, to_csv), (page, to_page)):
        if target:
            _write(Path(target), write(cards), force)
            say(f"Written: {target} ({len(cards)} card{'' if len(cards) == 1 else 's'})")
    if not export and not page:
        _ask_all(deck, level, topic)
    return 0


def _write(path: Path, text: str, force: bool) -> None:
    try:
        with path.open("w" if force else "x", encoding="utf-8", newline="") as file:
            file.write(text)
    except FileExistsError:
        raise Trouble(f"{path} is there already; --force replaces it.") from None
    except OSError as error:
        raise Trouble(f"cannot write {path}: {error.strerror or error}.", 1) from None


def _ask_all(deck: Deck, level: str | None, topic: str | None) -> None:
    cards = deck.queue(level, topic)
    if not cards:
        say("Nothing is due. Come back later, or choose another --level or --topic.")
    for number, card in enumerate(cards, start=1):
        say(f"\n{number} of {len(cards)} · {card.level} · {card.topic}\n{_wrapped(card.question)}")
        try:
            if input("\nAnswer aloud, then press Enter (q: stop). ").strip().lower() == "q":
                return
            say(_back(card))
            while (
                rating := KEYS.get(given := input("\nHow was it? 1 again, 2 hard, 3 good, 4 easy (q: stop) ").strip())
            ) is None:
                if given.lower() == "q":
                    return
        except EOFError:
            return
        say(comes_back(deck.rate(card, rating)))


def _back(card: Card) -> str:
    notebook, _, heading = card.see.partition("#")
    parts = (
        ("In 30 seconds", card.short),
        ("In two minutes", card.long),
        ("What comes next", card.follow_up),
        ("Often answered", f"“{card.wrong}”"),
        ("Why not", card.why),
        ("See", f"notebook {notebook}, {heading}"),
    )
    return "\n" + "\n\n".join(f"{name}\n{_wrapped(text)}" for name, text in parts)


def _wrapped(text: str) -> str:
    plain = re.sub(r"\*\*|`", "", html.unescape(text))
    return "\n".join(textwrap.fill(paragraph, 88, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
                     for paragraph in plain.split("\n\n"))  # fmt: skip
