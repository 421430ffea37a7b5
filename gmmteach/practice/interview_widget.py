"""The interview in a notebook: answer aloud, reveal, rate yourself.

It looks like a quiz, whose style sheet it uses. The front end, ``static/interview.js``, shows the answer by itself;
which card comes next is decided here.
"""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from ..visual.fallback import add_fallback
from .deck import LEVELS, RATINGS, Card, Deck, comes_back, load_deck, parts, typeset
from .quiz_widget import STATIC, QuizWidget

MEANING = {
    "again": "I did not know it",
    "hard": "with effort, or in part",
    "good": "I knew it",
    "easy": "without thinking",
}
ALL = "all"


def interview(level: str | None = None, topic: str | None = None, *, folder: str | None = None) -> Interview:
    """Practise for an interview: a question at a time, answer first, then reveal, then rate yourself.

    Cards that you found hard come back soon, the others later (FSRS). Ratings are kept on this machine alone.

    Parameters
    ----------
    level : {'screening', 'working knowledge', 'whiteboard', 'design'}, optional
    topic : str, optional
        One of ``interview().deck.topics``.
    folder : path, optional
        Cards of your own, besides those of the course: see CONTRIBUTING.md.

    Returns
    -------
    A widget; ``.card`` is the one that is asked, ``.reveal()`` and ``.rate("good")`` press its buttons.

    Raises
    ------
    ValueError
        If there is no such level or topic, or a file in the folder cannot be read as cards.
    """
    return Interview(load_deck(folder), level, topic)


class Interview(anywidget.AnyWidget):
    """One card after the other; made by `interview`."""

    _esm = (STATIC / "interview.js").read_text(encoding="utf-8")
    _css = QuizWidget._css

    _about = traitlets.Dict().tag(sync=True)
    _shown = traitlets.Dict().tag(sync=True)
    _revealed = traitlets.Bool(False).tag(sync=True)
    _level = traitlets.Unicode(ALL).tag(sync=True)
    _topic = traitlets.Unicode(ALL).tag(sync=True)
    _pressed = traitlets.Dict().tag(sync=True)

    def __init__(self, deck: Deck, level: str | None, topic: str | None) -> None:
        self.deck = deck
        deck.chosen(level, topic)  # say now if there is no such thing
        self.card: Card | None = None
        self._turn = 0
        super().__init__(
            _about={
                "levels": [ALL, *LEVELS],
                "topics": [ALL, *deck.topics],
                "ratings": [[name.capitalize(), MEANING[name]] for name in RATINGS],
            },
            _level=level or ALL,
            _topic=topic or ALL,
        )
        self.observe(lambda _: self.ask(), ["_level", "_topic"])
        self.observe(self._hear, "_pressed")
        self.ask()

    # --- what the learner did ------------------------------------------------------------------------------

    def ask(self, said: str = "") -> None:
        """Ask the next card: one that is due, or a new one; ``said`` stands above it."""
        waiting = self.deck.queue(*self._chosen())
        self.card = waiting[0] if waiting else None
        self._turn += 1
        with self.hold_sync():
            self._revealed = False
            self._shown = {
                "turn": self._turn,
                "asked": self.card is not None,
                "back": said,
                "progress": self._progress(len(waiting)),
                **(_about(self.card) if self.card else _NOTHING),
            }

    def reveal(self) -> None:
        """Show the answers, and ask how it went."""
        self._revealed = self.card is not None

    def rate(self, rating: str) -> None:
        """Rate the answer that was given, say when the card comes back, and go on to the next card."""
        if self.card is not None:
            self.ask(comes_back(self.deck.rate(self.card, rating)))

    def _hear(self, change: dict[str, Any]) -> None:
        """Rate the card that was on the screen; a second click on the same button comes too late."""
        if change["new"].get("turn") == self._turn:
            self.rate(change["new"]["rating"])

    def _chosen(self) -> tuple[str | None, str | None]:
        level, topic = (None if value == ALL else value for value in (self._level, self._topic))
        return level, topic

    # --- how it is shown -----------------------------------------------------------------------------------

    def _progress(self, waiting: int) -> str:
        levels = [f"{level} {seen} of {total}" for level, (seen, total) in self.deck.summary().items() if total]
        return f"{waiting} to go. Seen so far: {', '.join(levels)}."

    def __repr__(self) -> str:
        asked = self.card.question if self.card else "nothing is due"
        return f"Interview: {len(self.deck.cards)} cards. Question: {asked}"

    def markdown(self) -> str:
        """A few cards with their answers folded away: what pages without widgets show."""
        cards = [card for level in LEVELS for card in self.deck.chosen(level)[:1]]
        shown = [
            f"**{card.question}** ({card.level})\n\n<details>\n<summary>In 30 "
            f"seconds</summary>\n\n{card.short}\n\n</details>"
            for card in cards
        ]
        return f"{len(self.deck.cards)} cards; one of each level:\n\n" + "\n\n".join(shown) + "\n"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """Add texts for pages without widgets."""
        shown = super()._repr_mimebundle_(**kwargs)
        return add_fallback(shown, {"text/plain": repr(self), "text/markdown": self.markdown()})


_NOTHING: dict[str, Any] = {
    "kicker": "",
    "question": "Nothing is due. Come back later, or choose another level.",
    "answer": "",
    "more": [],
}


def _about(card: Card) -> dict[str, Any]:
    """What the front end has to know of a card: what can be said in 30 seconds; the rest is folded away."""
    part = parts(card)
    return {
        "kicker": typeset(f"{card.level}, {card.topic}"),
        "question": typeset(card.question),
        "answer": f"<p><strong>In 30 seconds.</strong> {part['In 30 seconds']}</p>",
        "more": [
            ["In two minutes", f"<p>{part['In two minutes']}</p>"],
            ["Often answered, and why not", f"<p>{part['Often answered']} {part['Why not']}</p>"],
            ["What comes next, and where to look", f"<p>{part['What comes next']}</p><p>See {part['See']}.</p>"],
        ],
    }
