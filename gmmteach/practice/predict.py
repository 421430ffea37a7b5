"""A prediction to make before a demonstration plays: choose, lock, then see why.

Watching a demonstration teaches little; predicting it first, and then comparing, teaches (Crouch et al. 2004,
doi:10.1119/1.1707018). So the choice is locked before the explanation opens.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

import anywidget
import traitlets

from ..visual.fallback import add_fallback

__all__ = ["Prediction", "predict"]

LETTERS = "ABCDEF"


def predict(question: str, options: Sequence[str] | Mapping[str, str], *, answer: int, why: str) -> Prediction:
    r"""Ask for a prediction: radio buttons, "Lock my prediction", then "Show why".

    Show the widget as the last line of a cell. A locked choice cannot be changed; "Start over" clears it.
    Where there is no kernel (GitHub), the question and the options are shown as text, and below them the explanation,
    folded away.

    Parameters
    ----------
    question : str
    options : list of str, or {option: its own explanation}
        Two to six. A chosen option's own explanation is shown before ``why``; an empty one is left out.
    answer : int
        Index of the right option, from 0.
    why : str
        One or two sentences.

    All texts may hold TeX between dollar signs, ``code`` between backticks, **bold** and *italics*; the backslashes
    of TeX need a raw string, ``r"..."``. A dollar sign that is meant is written ``\$``.

    Returns
    -------
    Prediction
        With ``.choice`` (an index, or None), ``.locked`` and ``.correct`` (None until locked).

    Raises
    ------
    TypeError
        If a text is not a text, or the answer not a whole number.
    ValueError
        If there are fewer than two options or more than six, two are the same, a text is empty, or there is no
        option of that index.

    Examples
    --------
    >>> asked = predict("Can a density be above 1?", ["Yes", "No"], answer=0, why="Its *area* is 1, not its height.")
    >>> asked.choose(1)
    >>> asked.lock()
    >>> asked.locked, asked.correct
    (True, False)
    """
    return Prediction(question, options, answer=answer, why=why)


class Prediction(anywidget.AnyWidget):
    """A question with options that can be locked once; made by `predict`."""

    _esm = r"""
    let views = 0;
    const make = (name, props = {}, ...children) => {
      const node = Object.assign(document.createElement(name), props);
      node.append(...children);
      return node;
    };
    export default {
      render({ model, el }) {
        const about = model.get("_about"), name = `gmmt-predict-${Math.random().toString(36).slice(2)}-${views++}`;
        const still = new AbortController(), { signal } = still;
        const inputs = [], marks = [], rows = [];
        const legend = make("legend");
        legend.append(make("span", { className: "gmmt-kicker", textContent: "Predict first" }),
          make("span", { className: "gmmt-question", innerHTML: about.question }));
        const group = make("fieldset", {}, legend);
        about.options.forEach((option, i) => {
          const input = make("input", { type: "radio", name, value: String(i) });
          const mark = make("span", { className: "gmmt-mark" });
          const row = make("label", { className: "gmmt-option" }, input, make("span", { innerHTML: option }), mark);
          inputs.push(input); marks.push(mark); rows.push(row);
          group.append(row);
        });
        const lock = make("button", { type: "button", className: "gmmt-primary", textContent: "Lock my prediction" });
        const show = make("button", { type: "button", className: "gmmt-primary", textContent: "Show why" });
        const again = make("button", { type: "button", textContent: "Start over" });
        const hint = make("span", { className: "gmmt-hint" });
        hint.setAttribute("role", "status");
        const why = make("div", { className: "gmmt-why", tabIndex: -1 });
        why.setAttribute("role", "region");
        why.setAttribute("aria-label", "What happens, and why");
        const box = make("div", { className: "gmmt-predict" }, group,
          make("div", { className: "gmmt-actions" }, lock, show, again, hint), why);
        box.dataset.testid = "predict";
        el.append(box);
        for (const node of [...inputs, lock, show, again]) node.dataset.lmSuppressShortcuts = "true";

        const typeset = (node) => {
          const maths = model.widget_manager?._rendermime?.latexTypesetter;
          if (maths) return maths.typeset(node);
          globalThis.MathJax?.typesetPromise?.([node])?.catch?.(() => {});
        };
        const set = (change) => {
          model.set("_state", { ...model.get("_state"), ...change });
          model.save_changes();
        };
        let told = null;
        const draw = () => {
          const { choice, locked, revealed } = model.get("_state");
          inputs.forEach((input, i) => {
            input.checked = choice === i;
            input.disabled = locked;
            const right = revealed && i === about.answer, wrong = revealed && i === choice && !right;
            rows[i].classList.toggle("gmmt-chosen", choice === i);
            rows[i].classList.toggle("gmmt-right", right);
            rows[i].classList.toggle("gmmt-wrong", wrong);
            marks[i].textContent = right ? (choice === i ? "✓ what you predicted, and what happens" : "✓ what happens")
              : wrong ? "✗ your prediction" : locked && choice === i ? "your prediction" : "";
          });
          lock.hidden = locked;
          lock.disabled = choice === null;
          show.hidden = !locked || revealed;
          again.hidden = !locked;
          hint.textContent = locked ? (revealed ? "" : "Locked.")
            : choice === null ? "Choose one, then lock it." : "";
          why.hidden = !revealed;
          const key = revealed ? choice : null;
          if (key === told) return;
          told = key;
          why.innerHTML = revealed ? about.verdicts[choice] : "";
          if (revealed) typeset(why);
        };
        const on = (node, kind, action) => node.addEventListener(kind, action, { signal });
        inputs.forEach((input, i) => on(input, "change", () => set({ choice: i }))); // a locked one is disabled
        on(lock, "click", () => { set({ locked: true }); show.focus(); });
        on(show, "click", () => { set({ revealed: true }); why.focus(); });
        on(again, "click", () => { set({ choice: null, locked: false, revealed: false }); inputs[0].focus(); });
        model.on("change:_state", draw);
        draw();
        const attached = new ResizeObserver(() => { attached.disconnect(); typeset(group); });
        attached.observe(el);
        return () => {
          still.abort(); attached.disconnect();
          model.off("change:_state", draw);
        };
      },
    };
    """
    _css = """
    .gmmt-predict {
      --fg: var(--jp-content-font-color1, #1a1a1a); --quiet: var(--jp-content-font-color2, #555);
      --bg: var(--jp-layout-color1, #fff); --raised: var(--jp-layout-color2, #f3f3f3);
      --line: var(--jp-border-color1, #b5b5b5); --accent: #0072b2; --right: #00694c; --wrong: #a84600;
      box-sizing: border-box; max-width: 860px; margin: 4px 0; padding: 12px 16px; border: 1px solid var(--line);
      border-left: 6px solid var(--accent); border-radius: 4px; color: var(--fg); background: var(--bg);
      font: 16px/1.5 var(--jp-content-font-family, system-ui, sans-serif);
    }
    [data-jp-theme-light="false"] .gmmt-predict, [data-theme="dark"] .gmmt-predict {
      --accent: #56b4e9; --right: #35c79b; --wrong: #ff9a4d;
    }
    .gmmt-predict [hidden] { display: none !important; }
    .gmmt-predict fieldset { margin: 0; padding: 0; border: 0; min-width: 0; }
    .gmmt-predict legend { padding: 0; margin-bottom: 6px; color: inherit; font-size: inherit; border: 0; }
    .gmmt-kicker {
      display: block; color: var(--accent); font-size: 14px; font-weight: 700; letter-spacing: .04em;
    }
    .gmmt-question { display: block; font-size: 18px; font-weight: 600; }
    .gmmt-option {
      display: flex; align-items: baseline; gap: 10px; padding: 5px 10px; border: 1px solid transparent;
      border-radius: 4px; cursor: pointer; font-weight: 400; margin: 0 0 3px;
    }
    .gmmt-option:hover, .gmmt-chosen { background: var(--raised); }
    .gmmt-option:has(:disabled) { cursor: default; }
    .gmmt-option:has(:focus-visible) { outline: 2px solid var(--accent); outline-offset: 1px; }
    .gmmt-option input { flex: none; width: 17px; height: 17px; margin: 0; transform: translateY(3px);
      accent-color: var(--accent); }
    .gmmt-mark { margin-left: auto; padding-left: 12px; font-size: 15px; font-weight: 600; white-space: nowrap; }
    .gmmt-right { border-color: var(--right); } .gmmt-right .gmmt-mark { color: var(--right); }
    .gmmt-wrong { border-color: var(--wrong); } .gmmt-wrong .gmmt-mark { color: var(--wrong); }
    .gmmt-actions { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 12px; margin-top: 10px; }
    .gmmt-predict button {
      min-height: 36px; padding: 4px 16px; border: 1px solid var(--line); border-radius: 5px; color: var(--fg);
      background: var(--bg); font: inherit; cursor: pointer;
    }
    .gmmt-predict button.gmmt-primary { border-color: #0072b2; color: #fff; background: #0072b2; font-weight: 600; }
    .gmmt-predict button:disabled { opacity: .5; cursor: not-allowed; }
    .gmmt-predict button:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
    .gmmt-hint { color: var(--quiet); }
    .gmmt-why { margin-top: 12px; padding-top: 10px; border-top: 1px solid var(--line); outline: none; }
    .gmmt-why p { margin: 0 0 6px; }
    .gmmt-predict code {
      padding: 1px 4px; border-radius: 3px; background: var(--raised);
      font: .92em var(--jp-code-font-family, monospace);
    }
    """

    _about = traitlets.Dict().tag(sync=True)
    _state = traitlets.Dict().tag(sync=True)

    def __init__(self, question: str, options: Sequence[str] | Mapping[str, str], *, answer: int, why: str) -> None:
        if isinstance(options, str):
            raise TypeError("options must be a list of texts, or a dictionary {option: explanation}, not one text.")
        texts = list(options)
        explanations = list(options.values()) if isinstance(options, Mapping) else [""] * len(texts)
        for name, text in [
            ("question", question), ("why", why), *((f"options[{i}]", text) for i, text in enumerate(texts)),
        ]:  # fmt: skip
            _check_text(name, text)
        for text, explanation in zip(texts, explanations, strict=True):
            if not isinstance(explanation, str):
                raise TypeError(f"the explanation of {text!r} must be a text, not {explanation!r}.")
        if not 2 <= len(texts) <= len(LETTERS):
            raise ValueError(f"a prediction needs two to six options, and {len(texts)} were given.")
        if len({text.strip() for text in texts}) < len(texts):
            raise ValueError(f"every option must be different, but they are {texts}.")
        if isinstance(answer, bool) or not isinstance(answer, int):
            raise TypeError(f"answer must be the index of the right option, a whole number, not {answer!r}.")
        if not 0 <= answer < len(texts):
            raise ValueError(f"answer is {answer}, but the options are numbered from 0 to {len(texts) - 1}.")
        self.question, self.options, self.answer, self.why = question, texts, answer, why
        self._explanations = explanations
        super().__init__(
            _about={
                "question": to_html(question),
                "options": [to_html(text) for text in texts],
                "answer": answer,
                "verdicts": [self._verdict(i) for i in range(len(texts))],
            },
            _state={"choice": None, "locked": False, "revealed": False},
        )

    # --- what the learner did ------------------------------------------------------------------------------

    @property
    def choice(self) -> int | None:
        """Index of the chosen option; None before there is one."""
        choice = self._state["choice"]
        return None if choice is None else int(choice)

    @property
    def locked(self) -> bool:
        """Whether the choice is made for good."""
        return bool(self._state["locked"])

    @property
    def revealed(self) -> bool:
        """Whether the explanation is open."""
        return bool(self._state["revealed"])

    @property
    def correct(self) -> bool | None:
        """Whether the locked choice is right; None before it is locked."""
        return self.choice == self.answer if self.locked else None

    def choose(self, option: int) -> None:
        """Choose an option, as a click does.

        Raises
        ------
        ValueError
            If there is no such option, or the choice is locked.
        """
        if self.locked:
            raise ValueError("the prediction is locked; start_over() clears it.")
        if not 0 <= option < len(self.options):
            raise ValueError(f"there is no option {option}: they are numbered from 0 to {len(self.options) - 1}.")
        self._state = {**self._state, "choice": int(option)}

    def lock(self) -> None:
        """Lock the choice; ValueError if there is none."""
        if self.choice is None:
            raise ValueError("there is no choice to lock yet.")
        self._state = {**self._state, "locked": True}

    def show_why(self) -> None:
        """Open the explanation; ValueError before the choice is locked."""
        if not self.locked:
            raise ValueError("lock a prediction first, then see why.")
        self._state = {**self._state, "revealed": True}

    def start_over(self) -> None:
        """Forget the choice."""
        self._state = {"choice": None, "locked": False, "revealed": False}

    # --- how it is shown -----------------------------------------------------------------------------------

    def _verdict(self, choice: int) -> str:
        right = choice == self.answer
        verdict = "**Yes, that is what happens.**"
        if not right:
            verdict = _ended(f"**Not quite.** What happens: {self.options[self.answer]}")
        parts = [verdict, self._explanations[choice], self.why]
        return "".join(f"<p>{to_html(part)}</p>" for part in parts if part.strip())

    def markdown(self) -> str:
        """Question, options, answer and explanation as Markdown: what pages without widgets show."""
        listed = "\n".join(f"- {LETTERS[i]}. {text}" for i, text in enumerate(self.options))
        others = [i for i in range(len(self.options)) if i != self.answer and self._explanations[i].strip()]
        reasons = [
            f"**{LETTERS[self.answer]}.** {self._reason}",
            *(f"{LETTERS[i]}. {self._explanations[i]}" for i in others),
        ]
        end = "\n\n".join(reasons)
        folded = f"<details>\n<summary>What happens, and why</summary>\n\n{end}\n\n</details>"
        return f"**Predict first.** {self.question}\n\n{listed}\n\n{folded}\n"

    @property
    def _reason(self) -> str:
        """The right option's own explanation, if it has one, and why."""
        return " ".join(part for part in (self._explanations[self.answer].strip(), self.why) if part)

    def __repr__(self) -> str:
        listed = "\n".join(f"  {'ABCDEF'[i]}. {text}" for i, text in enumerate(self.options))
        return f"Predict first: {self.question}\n{listed}\n\nWhat happens, and why: {'ABCDEF'[self.answer]}. {self.why}"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """Add the texts, for pages without widgets."""
        shown = super()._repr_mimebundle_(**kwargs)
        return add_fallback(shown, {"text/plain": repr(self), "text/markdown": self.markdown()})


# --- texts -------------------------------------------------------------------------------------------------

_PIECES = re.compile(r"(?P<math>\$\$.+?\$\$|(?<![\\$])\$(?!\s)[^$]+?(?<![\s\\])\$)|(?P<code>`[^`]+`)", re.DOTALL)


def to_html(text: str) -> str:
    """Turn a little Markdown (code, bold, italics) into HTML; TeX between dollar signs stays as it is."""
    parts = []
    end = 0
    for found in _PIECES.finditer(text):
        parts.append(_emphasis(text[end : found.start()]))
        end = found.end()
        piece = html.escape(found[0], quote=False)
        parts.append(piece if found["math"] else f"<code>{piece[1:-1]}</code>")
    parts.append(_emphasis(text[end:]))
    return "".join(parts)


def _emphasis(text: str) -> str:
    text = html.escape(text, quote=False)
    text = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", text)
    return re.sub(r"(?<![\w*])\*(?!\s)([^*]+?)(?<!\s)\*(?![\w*])", r"<em>\1</em>", text)


def _ended(sentence: str) -> str:
    return sentence if sentence.rstrip("*$` ").endswith((".", "!", "?")) else f"{sentence}."


def _check_text(name: str, text: object) -> None:
    if not isinstance(text, str):
        raise TypeError(f"{name} must be a text, not {text!r}.")
    if not text.strip():
        raise ValueError(f"{name} is empty.")
