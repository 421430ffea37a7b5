"""The interview deck: what is due comes first, nothing is lost on the way out, and the cards are whole."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest

from gmmteach.cli import main
from gmmteach.practice import interview, show_progress
from gmmteach.practice.deck import (
    LEVELS,
    RATINGS,
    Card,
    Deck,
    comes_back,
    load_deck,
    read_cards,
    to_csv,
    to_page,
    typeset,
)
from gmmteach.practice.exercises import EXERCISES
from gmmteach.practice.progress import Store

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
COURSE = load_deck()


def card(name: str, level: str = "screening", topic: str = "EM") -> Card:
    return Card(name, topic, level, f"{name}?", "short", "long", "next?", "wrong", "why", "03#Take-away")


@pytest.fixture
def deck(tmp_path: Path) -> Deck:
    cards = [card("b", "design"), card("a"), card("c", topic="k-means"), card("d", "whiteboard")]
    return Deck(cards, Store(tmp_path / "p.json"))


# --- the cards of the course ----------------------------------------------------------------------------------


@pytest.mark.parametrize("one", COURSE.cards.values(), ids=COURSE.cards)
def test_a_card_is_whole_and_points_into_the_course(one: Card) -> None:
    assert re.fullmatch(r"[a-z0-9-]+", one.id)
    assert one.question.rstrip("*`").endswith(("?", "."))
    assert 60 <= len(one.short) <= 600, "30 seconds are about 75 words"
    assert len(one.short) < len(one.long) <= 1800, "two minutes are about 300 words"
    assert len(one.wrong) > 15
    assert len(one.why) > 40
    for text in (one.question, one.short, one.long, one.follow_up, one.wrong, one.why):
        assert "$" not in text
        assert text.count("`") % 2 == 0
    number, _, heading = one.see.partition("#")
    (notebook,) = NOTEBOOKS.glob(f"{number}-*.ipynb")
    cells = nbformat.read(notebook, as_version=4).cells
    headings = {
        h for cell in cells if cell.cell_type == "markdown" for h in re.findall(r"^#+ (.+)$", cell.source, re.M)
    }
    assert heading in headings, f"{one.id}: {notebook.name} has no heading {heading!r}"


# --- which card comes next ------------------------------------------------------------------------------------


def test_new_cards_come_the_simplest_first(deck: Deck) -> None:
    assert [each.id for each in deck.queue(at=NOW)] == ["a", "c", "d", "b"]
    assert [each.id for each in deck.queue("screening", "k-means", at=NOW)] == ["c"]
    assert deck.topics == ["EM", "k-means"]


def test_weak_cards_come_back_before_strong_ones(deck: Deck) -> None:
    back = {rating: deck.rate(one, rating, at=NOW) for rating, one in zip(RATINGS, deck.cards.values(), strict=True)}
    assert back["again"] <= back["hard"] <= back["good"] < back["easy"]
    assert back["easy"] - NOW > timedelta(days=1)
    assert deck.queue(at=NOW) == []
    assert [each.id for each in deck.queue(at=NOW + timedelta(hours=1))] == ["b", "a", "c"]
    assert len(deck.queue(at=NOW + timedelta(days=100))) == 4


def test_good_answers_make_the_time_longer(deck: Deck) -> None:
    at, gaps = NOW, []
    for _ in range(5):
        due = deck.rate(deck.cards["a"], "good", at=at)
        gaps.append(due - at)
        at = due
    assert gaps == sorted(gaps)
    assert gaps[-1] > timedelta(days=10)
    assert deck.rate(deck.cards["a"], "again", at=at) - at < timedelta(hours=1)


def test_ratings_are_remembered(deck: Deck) -> None:
    deck.rate(deck.cards["a"], "hard", at=NOW)
    deck.rate(deck.cards["a"], "good", at=NOW)
    again = Deck(list(deck.cards.values()), Store(deck.store.path))
    assert again.store.read()["cards"]["a"]["ratings"] == {"hard": 1, "good": 1}
    assert again.summary()["screening"] == (1, 2)


def test_a_broken_memory_is_a_new_card(deck: Deck) -> None:
    deck.store.change("cards", "a", lambda _: {"memory": {"stability": "much"}})
    assert "a" in [each.id for each in deck.queue(at=NOW)]
    deck.rate(deck.cards["a"], "good", at=NOW)
    assert deck.summary()["screening"][0] == 1


def test_what_there_is_not(deck: Deck) -> None:
    with pytest.raises(ValueError, match="there is no level 'hard'; there are screening, working knowledge"):
        deck.queue("hard")
    with pytest.raises(ValueError, match="there is no topic 'x'; there are EM, k-means"):
        deck.chosen(topic="x")
    with pytest.raises(ValueError, match="rating is 'fine'"):
        deck.rate(deck.cards["a"], "fine")
    with pytest.raises(ValueError, match="one id"):
        Deck([card("a"), card("a")])


# --- cards of one's own ---------------------------------------------------------------------------------------

OWN = """topic = "Mine"
[[card]]
id = "own"
level = "design"
question = "Q?"
short = "s"
long = "l"
follow_up = "f?"
wrong = "w"
why = "y"
see = "03#Take-away"
"""


def test_a_folder_of_ones_own_comes_after_the_course(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(OWN, encoding="utf-8")
    assert list(load_deck(tmp_path).cards)[-1] == "own"
    assert len(load_deck(tmp_path).cards) == len(COURSE.cards) + 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("topic = ", "own.toml is not TOML"),
        ("[[card]]", 'needs topic = "..."'),
        (OWN.replace('why = "y"\n', ""), "own.toml, card 'own': why missing"),
        (OWN + 'colour = "red"\n', "there is no field colour"),
        (OWN.replace('"w"', '" "'), "wrong must be a text"),
        (OWN.replace('"design"', '"hard"'), "level is 'hard', but it must be one of screening"),
    ],
)
def test_a_card_that_is_not_whole_is_named(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        read_cards(text, "own.toml")


# --- ways out -------------------------------------------------------------------------------------------------


def test_anki_gets_every_card() -> None:
    text = to_csv(COURSE.cards.values())
    head, rows = text.splitlines()[:4], list(csv.reader(io.StringIO(text)))[4:]
    assert head == ["#separator:Comma", "#html:true", "#columns:Front,Back,Tags", "#tags column:3"]
    assert len(rows) == len(COURSE.cards)
    assert all(len(row) == 3 for row in rows)
    assert all(" " not in tag.replace(" gmmteach::", "") for _, _, tag in rows)


def test_the_page_to_print_is_sound() -> None:
    class Tags(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []
            self.seen: Counter[str] = Counter()

        def handle_starttag(self, tag: str, attrs: Any) -> None:
            self.seen[tag] += 1
            if tag != "meta":
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    tags = Tags()
    tags.feed(to_page(list(COURSE.cards.values())))
    assert tags.open == []
    assert tags.seen["article"] == len(COURSE.cards)
    assert "http" not in to_page(list(COURSE.cards.values()))  # it needs no network


def test_the_page_asks_everything_before_it_answers_anything() -> None:
    page = to_page([card("b", "design"), card("a"), card("c", topic="k-means"), card("d", "whiteboard")])
    asked, answered = page.split("<section class='answers'>")
    assert re.findall(r"<ol start='(\d)'>|<li>(\w\?)", asked) == [
        ("1", ""), ("", "a?"), ("", "c?"), ("3", ""), ("", "d?"), ("4", ""), ("", "b?"),
    ]  # fmt: skip
    assert re.findall(r"<h3>(.+?)</h3>", answered) == ["1. a?", "2. c?", "3. d?", "4. b?"]
    for text in ("short", "long", "next?", "wrong", "why"):
        assert text not in asked.split("<body>")[1].replace("a new page", "")
        assert answered.count(text) >= 4
    assert ".answers { break-before: page" in asked


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Σ_k π_k N(x | μ_k, Σ_k)", "Σ<sub>k</sub> π<sub>k</sub> N(x | μ<sub>k</sub>, Σ<sub>k</sub>)"),
        ("γ_nk, x_nᵀ, N_k/N.", "γ<sub>nk</sub>, x<sub>n</sub>ᵀ, N<sub>k</sub>/N."),
        ("Σ_bb⁻¹, d_k²", "Σ<sub>bb</sub>⁻¹, d<sub>k</sub>²"),
        ("μ̂_new, s_batch, error_{t+1}", "μ̂<sub>new</sub>, s<sub>batch</sub>, error<sub>t+1</sub>"),
        ("Π_{j<k}, min_k, μ_k,b, Σ_k,bb).", "Π<sub>j&lt;k</sub>, min<sub>k</sub>, μ<sub>k,b</sub>, Σ<sub>k,bb</sub>)."),
        ("E_q(θ)[ln p], m_k(x)", "E<sub>q(θ)</sub>[ln p], m<sub>k</sub>(x)"),
        ("N^(−4/(4+D)), e^0.5.", "N<sup>−4/(4+D)</sup>, e<sup>0.5</sup>."),
        ("n_init, √reg_covar, random_state=0, X_train_std", "n_init, √reg_covar, random_state=0, X_train_std"),
        (
            "`gamma_nk` and `x_n` of **x_n**",
            "<code>gamma_nk</code> and <code>x_n</code> of <strong>x<sub>n</sub></strong>",
        ),
    ],
)
def test_indices_are_set_as_such(text: str, wanted: str) -> None:
    assert typeset(text) == wanted


def test_no_formula_of_the_course_is_left_raw() -> None:
    names = {"'random_from_data'", "√reg_covar,", "reg_covar", "random_state.", "random_state=0", "warm_start."}
    plain = re.sub(r"<code>.*?</code>", "", to_page(list(COURSE.cards.values())))
    assert {word for word in re.split(r"[\s<>”]", plain.split("<body>")[1]) if re.search(r"[_^]", word)} <= names


@pytest.mark.parametrize(
    ("later", "words"),
    [
        (timedelta(seconds=5), "1 minute"),
        (timedelta(seconds=89), "1 minute"),
        (timedelta(minutes=2), "2 minutes"),
        (timedelta(minutes=59, seconds=50), "1 hour"),
        (timedelta(hours=2), "2 hours"),
        (timedelta(hours=23, minutes=50), "1 day"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=8), "8 days"),
    ],
)
def test_when_a_card_comes_back(later: timedelta, words: str) -> None:
    assert comes_back(NOW + later, NOW) == f"That card comes back in {words}."


def test_the_commands_write_and_replace_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "cards.csv"
    assert main(["interview", "--export", str(target), "--page", str(tmp_path / "deck.html")]) == 0
    assert target.read_text(encoding="utf-8") == to_csv(COURSE.cards.values())
    target.write_text("mine")
    assert main(["interview", "--export", str(target)]) == 2
    assert target.read_text() == "mine"
    assert "--force" in capsys.readouterr().err
    assert main(["interview", "--export", str(target), "--force"]) == 0
    assert main(["interview", "--level", "x"]) == 2


def test_an_interview_in_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    answers = iter(["", "7", "3", "q"])
    monkeypatch.setattr("builtins.input", lambda _: next(answers))
    assert main(["interview", "--level", "whiteboard"]) == 0
    out = capsys.readouterr().out
    assert "In 30 seconds" in out
    assert "That card comes back in 10 minutes." in out
    assert sum(seen for seen, _ in load_deck().summary().values()) == 1


# --- in a notebook --------------------------------------------------------------------------------------------


def press(asked: Any, rating: str) -> None:
    """What the front end does when a rating is clicked."""
    asked._pressed = {"turn": asked._shown["turn"], "rating": rating}


def test_an_interview_in_a_notebook() -> None:
    asked = interview(level="whiteboard")
    first = asked.card
    assert first is not None
    assert asked._shown["question"] == typeset(first.question)
    assert asked._shown["kicker"] == f"whiteboard, {first.topic}"
    assert asked._shown["back"] == ""
    assert not asked._revealed
    asked.reveal()
    assert asked._revealed
    assert typeset(first.short) in asked._shown["answer"]
    rest = dict(asked._shown["more"])
    assert typeset(first.long) in rest["In two minutes"]
    assert typeset(first.why) in rest["Often answered, and why not"]
    assert typeset(first.follow_up) in rest["What comes next, and where to look"]
    press(asked, "good")
    assert asked.card != first
    assert not asked._revealed
    assert asked._shown["back"] == "That card comes back in 10 minutes."
    assert "whiteboard 1 of" in asked._shown["progress"]
    asked._level = "screening"
    assert asked.card is not None
    assert asked.card.level == "screening"
    assert asked._shown["back"] == ""  # that was about another card
    asked._topic = "k-means" if "k-means" in asked.deck.topics else asked.deck.topics[-1]
    assert asked.card is None or asked.card.topic == asked._topic


def test_a_rating_counts_once() -> None:
    asked = interview()
    late = {"turn": asked._shown["turn"], "rating": "again"}
    asked._pressed = late
    second = asked.card
    asked._pressed = {**late, "rating": "easy"}  # of the card that has gone
    assert asked.card == second
    assert sum(seen for seen, _ in asked.deck.summary().values()) == 1
    assert asked._shown["back"] == "That card comes back in 1 minute."


def test_a_page_without_widgets_shows_a_few() -> None:
    data, _ = interview()._repr_mimebundle_()
    assert data["text/markdown"].count("<details>") == len({one.level for one in COURSE.cards.values()})
    assert data["text/plain"].startswith("Interview: ")


def test_an_interview_says_when_nothing_is_due() -> None:
    asked = interview()
    for _ in COURSE.cards:
        asked.rate("easy")
    assert asked.card is None
    assert "Nothing is due" in asked._shown["question"]
    assert asked._shown["back"].startswith("That card comes back in ")
    assert not asked._shown["asked"]
    asked.reveal()
    assert not asked._revealed
    asked.rate("good")  # nothing happens
    assert asked.card is None


# --- progress -------------------------------------------------------------------------------------------------


def test_progress_in_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["progress"]) == 0
    assert "Nothing yet." in capsys.readouterr().out
    Store().change("exercises", "e_step", lambda _: {"passed": True, "attempts": 1})
    named = EXERCISES["m_step"].mistakes[0].name
    Store().change("exercises", "m_step", lambda _: {"passed": False, "diagnoses": {named: 2, "TypeError": 4}})
    Store().change("questions", "03/weighted-mean", lambda _: {"right": True})
    Store().change("questions", "03/no-longer-there", lambda _: {"right": True})
    assert main(["progress"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"\n02 +1 of 1 +0 of \d\n03 +0 of 2 +1 of 5\n", out)
    assert f"Mistakes to look at again: m_step: {named} (2×).\n" in out
    assert "Interview: 0 of " in out
    assert "First answers" not in out
    Store().change("tests", "pre/none", lambda _: {"first_right": True})
    assert "First answers that were right: before not taken" in show_progress()._repr_html_()
    monkeypatch.setattr("builtins.input", lambda _: "n")
    assert main(["progress", "--delete"]) == 0
    assert Store().path.exists()
    monkeypatch.setattr("builtins.input", lambda _: "y")
    main(["progress", "--delete"])
    assert not Store().path.exists()
    assert main(["progress", "--delete", "--yes"]) == 0
    assert "nothing to delete" in capsys.readouterr().out


def test_every_level_has_a_name_once() -> None:
    assert len(set(LEVELS)) == 4
