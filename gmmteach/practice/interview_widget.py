"""The interview in a notebook: answer aloud, reveal, rate yourself."""

from __future__ import annotations

from typing import Any

import ipywidgets

from ..visual.fallback import add_fallback
from .deck import LEVELS, RATINGS, Card, Deck, back, load_deck
from .predict import to_html

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


class Interview(ipywidgets.VBox):
    """One card after the other; made by `interview`."""

    def __init__(self, deck: Deck, level: str | None, topic: str | None) -> None:
        self.deck = deck
        deck.chosen(level, topic)  # say now if there is no such thing
        self.level = _choice("Level", [ALL, *LEVELS], level)
        self.topic = _choice("Topic", [ALL, *deck.topics], topic)
        self.question, self.answer, self.status = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.HTML()
        self.show = ipywidgets.Button(description="Show the answer", button_style="primary", layout={"width": "auto"})
        self.show.on_click(lambda _: self.reveal())
        self.ratings = {
            name: ipywidgets.Button(description=name.capitalize(), tooltip=MEANING[name], layout={"width": "auto"})
            for name in RATINGS
        }
        for name, each in self.ratings.items():
            each.on_click(lambda _, name=name: self.rate(name))
        self.buttons = ipywidgets.HBox(list(self.ratings.values()))
        for control in (self.level, self.topic):
            control.observe(lambda _: self.ask(), "value")
        chooser = ipywidgets.HBox([self.level, self.topic], layout={"flex_flow": "row wrap"})
        super().__init__([chooser, self.question, self.show, self.answer, self.buttons, self.status])
        self.card: Card | None = None
        self.ask()

    def ask(self) -> None:
        """Ask the next card: one that is due, or a new one."""
        waiting = self.deck.queue(*self._chosen())
        self.card = waiting[0] if waiting else None
        self.answer.value = ""
        self.buttons.layout.display = "none"
        self.show.layout.display = "" if self.card else "none"
        if self.card is None:
            self.question.value = _framed(
                "<p role='status'>Nothing is due. Come back later, or choose another level.</p>"
            )
        else:
            head = f"{self.card.level}, {self.card.topic}"
            self.question.value = _framed(
                f"<p style='margin:0;font-size:14px'>{to_html(head)}</p>"
                f"<p style='margin:4px 0;font-size:18px;font-weight:600'>{to_html(self.card.question)}</p>"
            )
        self.status.value = f"<p role='status'>{self._progress(len(waiting))}</p>"

    def reveal(self) -> None:
        """Show the answers, and ask how it went."""
        if self.card is None:
            return
        self.answer.value = _framed(back(self.card))
        self.show.layout.display = "none"
        self.buttons.layout.display = ""

    def rate(self, rating: str) -> None:
        """Rate the answer that was given, and go on to the next card."""
        if self.card is None:
            return
        self.deck.rate(self.card, rating)
        self.ask()

    def _chosen(self) -> tuple[str | None, str | None]:
        level, topic = (None if control.value == ALL else control.value for control in (self.level, self.topic))
        return level, topic

    def _progress(self, waiting: int) -> str:
        parts = [f"{level} {seen} of {total}" for level, (seen, total) in self.deck.summary().items() if total]
        return f"{waiting} to go. Seen so far: {', '.join(parts)}."

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


def _choice(name: str, options: list[str], value: str | None) -> ipywidgets.Dropdown:
    return ipywidgets.Dropdown(options=options, value=value or ALL, description=name)


def _framed(html: str) -> str:
    return f"<div style='max-width:46em;border-left:5px solid #0072b2;padding:2px 14px;line-height:1.5'>{html}</div>"
