"""The interview deck: cards, which of them are due, and how they leave the course.

A card is a question as an interviewer asks it. The cards stand in ``cards/``, one TOML file for each topic. When a card
comes back follows FSRS (the `fsrs` package; Ye, Su & Cao 2022, doi:10.1145/3534678.3539081): soon after a weak answer,
ever later after good ones.
"""

from __future__ import annotations

import csv
import io
import re
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


def comes_back(due: datetime, at: datetime | None = None) -> str:
    """Say when a card comes back, in a sentence; ``at`` is now, by default."""
    seconds = (due - (at or datetime.now(UTC))).total_seconds()
    number, unit = max(1, round(seconds / 60)), "minute"
    if number >= 60:
        number, unit = round(seconds / 3600), "hour"
        if number >= 24:
            number, unit = round(seconds / 86400), "day"
    return f"That card comes back in {number} {unit}{'' if number == 1 else 's'}."


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
        writer.writerow([typeset(card.question), back(card), tags])
    return out.getvalue()


def parts(card: Card) -> dict[str, str]:
    """The back of a card, part by part: {name: HTML}."""
    notebook, _, heading = card.see.partition("#")
    return {
        "In 30 seconds": typeset(card.short),
        "In two minutes": typeset(card.long),
        "What comes next": typeset(card.follow_up),
        "Often answered": f"“{typeset(card.wrong)}”",
        "Why not": typeset(card.why),
        "See": f"notebook {escape(notebook)}, “{typeset(heading)}”",
    }


def back(card: Card) -> str:
    """The back of a card, as HTML."""
    part = {name: f"<b>{name}.</b> {text}" for name, text in parts(card).items()}
    return (
        f"<p>{part['In 30 seconds']}</p><p>{part['In two minutes']}</p><p>{part['What comes next']}</p>"
        f"<p>{part['Often answered']} {part['Why not']}</p><p>{part['See']}.</p>"
    )


# A symbol, with a hat or not, and its index: Σ_k, μ̂_new, x_n, Π_{j<k}, μ_k,b, E_q(θ). Names of code stay as they are:
# n_init (a Latin n and a word), reg_covar (two words).
_INDEX = re.compile(
    r"(?<![A-Za-z0-9_.])(?!n_[A-Za-z]{3,})"
    r"(?P<symbol>[A-Za-zΑ-Ωα-ωℓ][\u0300-\u036f]?|[A-Za-z]+(?=_(?:[A-Za-z0-9](?![A-Za-z0-9_])|\{)))"
    r"_(?:\{(?P<braced>[^{}]+)\}|"
    r"(?P<plain>[qz]\(\w\)|[A-Za-z0-9]+(?:(?<=_[a-z]),([abxy])\4?(?![A-Za-z0-9_]))?)(?![A-Za-z0-9_]))"
)
_POWER = re.compile(r"\^(?:\((?P<braced>(?:[^()]|\([^()]*\))+)\)|(?P<plain>\d+(?:\.\d+)?))")


def typeset(text: str) -> str:
    """Turn a text of a card into HTML; outside of code, indices and powers are set as such."""
    pieces = re.split(r"(<code>.*?</code>)", to_html(text), flags=re.DOTALL)
    return "".join(piece if at % 2 else _raised(piece) for at, piece in enumerate(pieces))


def _raised(text: str) -> str:
    text = _INDEX.sub(lambda found: f"{found['symbol']}<sub>{found['braced'] or found['plain']}</sub>", text)
    return _POWER.sub(lambda found: f"<sup>{found['braced'] or found['plain']}</sup>", text)


def to_page(cards: Sequence[Card]) -> str:
    """Write a page to print: all questions, by level; on new pages the answers, with the same numbers."""
    questions, answers = [_PAGE_HEAD, "<section class='questions'>"], ["<section class='answers'>", "<h1>Answers</h1>"]
    number = 1
    for level in LEVELS:
        of_level = [card for card in cards if card.level == level]
        if not of_level:
            continue
        heading = f"<h2>{escape(level.capitalize())}</h2>"
        questions += [heading, f"<ol start='{number}'>"]
        answers.append(heading)
        for card in of_level:
            asked = typeset(card.question)
            questions.append(f"<li>{asked}</li>")
            answers.append(f"<article><h3>{number}. {asked}</h3>{back(card)}</article>")
            number += 1
        questions.append("</ol>")
    return "\n".join([*questions, "</section>", *answers, "</section>", "</body></html>\n"])


_PAGE_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Gaussian mixtures: the interview deck</title>
<style>
body { max-width: 62em; margin: 2em auto; padding: 0 1em; font: 10.5pt/1.35 Georgia, serif; color: #1a1a1a; }
h1, h2, h3 { font-family: system-ui, sans-serif; line-height: 1.25; }
h1 { margin: 0 0 .4em; font-size: 17pt; column-span: all; }
h2 { margin: 1em 0 .5em; border-bottom: 2px solid #0072b2; font-size: 12.5pt; break-after: avoid; }
section > h2:first-child, .answers h1 + h2 { margin-top: 0; }
h3 { margin: 0 0 .2em; font-size: 10.5pt; break-after: avoid; break-inside: avoid; }
section { columns: 2; column-gap: 2.2em; }
ol { margin: 0; padding-left: 2.2em; }
li { margin: 0 0 .45em; break-inside: avoid; }
.answers { margin-top: 3em; font-size: 9.5pt; }
article { margin: 0 0 .8em; }
article p { margin: 0 0 .15em; orphans: 2; widows: 2; }
code { font-size: .9em; overflow-wrap: anywhere; }
sub, sup { font-size: .75em; line-height: 0; }
@media screen and (max-width: 50em) { section { columns: 1; } }
@media print { body { max-width: none; margin: 0; padding: 0; } .answers { break-before: page; margin: 0; } }
@page { size: A4; margin: 14mm; }
</style></head><body>
<h1>Gaussian mixtures: the interview deck</h1>
<p>Answer aloud before you look: the answers begin on a new page, with the same numbers.</p>"""
