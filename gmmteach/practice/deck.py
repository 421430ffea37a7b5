"""The interview deck: cards, which of them are due, and how they leave the course.

A card is a question as an interviewer asks it. The cards stand in ``cards/``, one TOML file for each topic. When a card
comes back follows FSRS (the `fsrs` package; Ye, Su & Cao 2022, doi:10.1145/3534678.3539081): soon after a weak answer,
ever later after good ones.
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any, cast
from zlib import crc32

from fsrs import Card as Memory
from fsrs import Rating, Scheduler

from .predict import to_html
from .progress import Store

LEVELS = ("screening", "working knowledge", "whiteboard", "design")
RATINGS = {"again": Rating.Again, "hard": Rating.Hard, "good": Rating.Good, "easy": Rating.Easy}
_SCHEDULER = Scheduler(enable_fuzzing=False)  # the same answers come back at the same time


@dataclass(frozen=True)
class Card:
    """One question of an interview.

    Attributes
    ----------
    id : str
        Never changes, for progress is kept under it.
    topic : str
    level : one of `LEVELS`
    question : str
    short : str
        What can be said in 30 seconds.
    long : str
        What can be said in two minutes.
    follow_up : str
        The question that comes next.
    wrong : str
        The common wrong answer, in the words in which it is given.
    why : str
        Why it is wrong.
    see : str
        Where the course shows it: '03#The log-likelihood climbs', a notebook and one of its headings.

    All texts may hold `code` and **bold**; formulas are in Unicode, for a terminal and a printed page have no TeX.
    """

    id: str
    topic: str
    level: str
    question: str
    short: str
    long: str
    follow_up: str
    wrong: str
    why: str
    see: str


class Deck:
    """Cards, and what the learner's memory of them is.

    Parameters
    ----------
    cards : sequence of Card
    store : Store, optional
        Where ratings are kept.
    """

    def __init__(self, cards: Sequence[Card], store: Store | None = None) -> None:
        self.cards = {card.id: card for card in cards}
        if len(self.cards) < len(cards):
            raise ValueError("two cards have one id.")
        self.store = store or Store()

    @property
    def topics(self) -> list[str]:
        """The topics, in the order of the files."""
        return list(dict.fromkeys(card.topic for card in self.cards.values()))

    def chosen(self, level: str | None = None, topic: str | None = None) -> list[Card]:
        """Cards of a level and a topic.

        Raises
        ------
        ValueError
            If there is no such level or topic.
        """
        for what, value, known in (("level", level, LEVELS), ("topic", topic, self.topics)):
            if value is not None and value not in known:
                raise ValueError(f"there is no {what} {value!r}; there are {', '.join(known)}.")
        return [c for c in self.cards.values() if level in (None, c.level) and topic in (None, c.topic)]

    def queue(self, level: str | None = None, topic: str | None = None, *, at: datetime | None = None) -> list[Card]:
        """Cards to ask now: those that are due, the weakest memory first, and then new ones, the simplest first."""
        at = at or datetime.now(UTC)
        memories = self._memories()
        cards = self.chosen(level, topic)
        due = [card for card in cards if card.id in memories and memories[card.id].due <= at]
        due.sort(key=lambda card: _SCHEDULER.get_card_retrievability(memories[card.id], at))
        new = [card for card in cards if card.id not in memories]
        new.sort(key=lambda card: LEVELS.index(card.level))
        return due + new

    def rate(self, card: Card, rating: str, *, at: datetime | None = None) -> datetime:
        """Remember how well a card was answered; returns when it comes back.

        Parameters
        ----------
        card : Card
        rating : 'again', 'hard', 'good' or 'easy'
        at : datetime, optional
            Now, by default.
        """
        if rating not in RATINGS:
            raise ValueError(f"the rating is {rating!r}, but it must be one of {', '.join(RATINGS)}.")

        def review(record: dict[str, Any]) -> dict[str, Any]:
            memory = _memory(record) or Memory(card_id=crc32(card.id.encode()))
            memory, _ = _SCHEDULER.review_card(memory, RATINGS[rating], review_datetime=at)
            counts = {**record.get("ratings", {})}
            counts[rating] = counts.get(rating, 0) + 1
            return {**record, "memory": dict(memory.to_dict()), "ratings": counts}

        kept = self.store.change("cards", card.id, review)
        return cast(Memory, _memory(kept)).due

    def summary(self) -> dict[str, tuple[int, int]]:
        """For each level, how many cards have been answered at least once, and how many there are."""
        memories = self._memories()
        return {
            level: (sum(card.id in memories for card in self.chosen(level)), len(self.chosen(level)))
            for level in LEVELS
        }

    def _memories(self) -> dict[str, Memory]:
        records = self.store.read()["cards"].items()
        return {name: memory for name, record in records if (memory := _memory(record)) is not None}


def _memory(record: dict[str, Any]) -> Memory | None:
    """What FSRS knows of a card; None where there is nothing, or nothing sound."""
    try:
        return Memory.from_dict(record["memory"])
    except (KeyError, TypeError, ValueError):
        return None


# --- reading the cards ----------------------------------------------------------------------------------------


def load_deck(folder: str | Path | None = None, store: Store | None = None) -> Deck:
    """Read the deck of the course, and the cards of a folder of your own after it.

    Parameters
    ----------
    folder : path, optional
        Every ``*.toml`` in it holds ``topic = "..."`` and any number of ``[[card]]`` tables.
    store : Store, optional

    Raises
    ------
    ValueError
        If a file is not made so; the message names the file and the card.
    """
    own = files(__package__) / "cards"
    texts = {path.name: path.read_text(encoding="utf-8") for path in own.iterdir() if path.name.endswith(".toml")}
    cards = [card for name in sorted(texts) for card in read_cards(texts[name], name)]
    if folder is not None:
        for path in sorted(Path(folder).glob("*.toml")):
            cards += read_cards(path.read_text(encoding="utf-8"), str(path))
    return Deck(cards, store)


def read_cards(text: str, name: str) -> list[Card]:
    """Read the cards of one file; raises ValueError, with the file's name, if something is missing."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{name} is not TOML: {error}") from None
    topic, tables = content.get("topic"), content.get("card", [])
    if not isinstance(topic, str) or not isinstance(tables, list):
        raise ValueError(f'{name} needs topic = "..." at its top and a [[card]] for each card.')
    return [_card(table, topic, name) for table in tables]


def _card(table: dict[str, Any], topic: str, name: str) -> Card:
    wanted = {field.name for field in fields(Card)} - {"topic"}
    where = f"{name}, card {table.get('id', '?')!r}"
    if missing := wanted - table.keys():
        raise ValueError(f"{where}: {', '.join(sorted(missing))} missing.")
    if extra := table.keys() - wanted:
        raise ValueError(f"{where}: there is no field {', '.join(sorted(extra))}.")
    if empty := [key for key in wanted if not isinstance(table[key], str) or not table[key].strip()]:
        raise ValueError(f"{where}: {', '.join(sorted(empty))} must be a text.")
    if table["level"] not in LEVELS:
        raise ValueError(f"{where}: the level is {table['level']!r}, but it must be one of {', '.join(LEVELS)}.")
    return Card(topic=topic, **{key: table[key].strip() for key in wanted})


# --- ways out -------------------------------------------------------------------------------------------------


def to_csv(cards: Iterable[Card]) -> str:
    """Write cards for Anki: *File → Import* reads front, back and tags, as HTML."""
    out = io.StringIO()
    out.write("#separator:Comma\n#html:true\n#columns:Front,Back,Tags\n#tags column:3\n")
    writer = csv.writer(out, lineterminator="\n")
    for card in cards:
        tags = f"gmmteach::{card.topic.replace(' ', '-')} gmmteach::{card.level.replace(' ', '-')}"
        writer.writerow([to_html(card.question), back(card), tags])
    return out.getvalue()


def back(card: Card) -> str:
    """The back of a card, as HTML."""
    notebook, _, heading = card.see.partition("#")
    return (
        f"<p><b>In 30 seconds.</b> {to_html(card.short)}</p><p><b>In two minutes.</b> {to_html(card.long)}</p>"
        f"<p><b>What comes next.</b> {to_html(card.follow_up)}</p>"
        f"<p><b>Often answered.</b> “{to_html(card.wrong)}” <b>Why not.</b> {to_html(card.why)}</p>"
        f"<p><b>See</b> notebook {escape(notebook)}, “{to_html(heading)}”.</p>"
    )


def to_page(cards: Sequence[Card]) -> str:
    """Write a page to print: every question with its answers, by level."""
    parts = [_PAGE_HEAD]
    for level in LEVELS:
        of_level = [card for card in cards if card.level == level]
        if of_level:
            parts.append(f"<h2>{escape(level.capitalize())}</h2>")
        parts += [f"<article><h3>{to_html(card.question)}</h3>{back(card)}</article>" for card in of_level]
    return "\n".join([*parts, "</body></html>\n"])


_PAGE_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Gaussian mixtures: the interview deck</title>
<style>
body { max-width: 46em; margin: 2em auto; padding: 0 1em; font: 11pt/1.45 Georgia, serif; color: #1a1a1a; }
h1, h2, h3 { font-family: system-ui, sans-serif; line-height: 1.25; }
h2 { margin-top: 2em; border-bottom: 2px solid #0072b2; }
article { break-inside: avoid; margin: 1.4em 0; }
article p { margin: .35em 0; }
code { font-size: .92em; }
@page { margin: 18mm; }
</style></head><body>
<h1>Gaussian mixtures: the interview deck</h1>"""
