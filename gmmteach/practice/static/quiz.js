// A quiz: every question is a fieldset that judges itself, so that it works without a kernel, too. Python hears of each
// attempt through _state: { id: { given, tries, right, shown } }.
let views = 0;
const LETTERS = "ABCDEFGH";

function make(name, props = {}, ...children) {
  const { role, label, ...rest } = props;
  const node = Object.assign(document.createElement(name), rest);
  if (role) node.setAttribute("role", role);
  if (label) node.setAttribute("aria-label", label);
  node.append(...children);
  return node;
}

// For a button's name: without TeX, which nobody wants read out sign by sign.
const plain = (html) => make("span", { innerHTML: html }).textContent.replace(/\$[^$]+\$/g, "").replace(/[\s:]+$/, "");

// Numbers as people write them: 0.25, 0,25, 1/4, 25 %, −2.
export function readNumber(text) {
  let tidy = text.trim().replaceAll("−", "-").replace(/\s+/g, "");
  if (/^[^.,]*,[^,]*$/.test(tidy)) tidy = tidy.replace(",", ".");
  const percent = tidy.endsWith("%");
  const parts = (percent ? tidy.slice(0, -1) : tidy).split("/");
  if (parts.length > 2 || parts.some((part) => !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(part))) return null;
  const value = parts.map(Number).reduce((a, b) => a / b) / (percent ? 100 : 1);
  return Number.isFinite(value) ? value : null;
}

const near = (question, value, target) => Math.abs(value - target) <= question.tolerance * (1 + 1e-9);

export function isRight(question, given) {
  if (question.kind === "number") return near(question, given, question.answer);
  const list = question.kind === "order" ? given : [...given].sort((a, b) => a - b);
  return list.length === question.answer.length && list.every((item, i) => item === question.answer[i]);
}

const reason = (question, i) => `<li><strong>${question.options[i].text}</strong>: ${question.options[i].why}</li>`;
const list = (items) => (items.length ? `<ul>${items.join("")}</ul>` : "");

// A verdict is told by its mark and its word, and by its colour besides.
const YES = '<strong class="gmmt-yes">✓ Yes.</strong>', NOT_YET = '<strong class="gmmt-no">✗ Not yet.</strong>';
const COUNTS = ["no", "one", "two", "three", "four", "five", "six", "seven"];
const capital = (text) => text[0].toUpperCase() + text.slice(1);

// What is said of ticks that are not all right: so many are not true, so many are missing.
export function ticked(right, wrong, missing) {
  const said = [];
  const are = wrong === 1 ? "is" : "are";
  if (wrong && right) said.push(`${capital(COUNTS[wrong])} of those you ticked ${are} not true.`);
  else if (wrong) said.push(wrong === 1 ? "The one you ticked is not true." : "None of those you ticked is true.");
  const others = right ? "more" : missing === 1 ? "other" : "others";
  if (missing) said.push(`${capital(COUNTS[missing])} ${others} ${missing === 1 ? "is" : "are"} true.`);
  return said.join(" ");
}

// What is said of an order in which so many steps, from the first, stand right.
export function placed(first) {
  if (first === 0) return "The first step belongs further down.";
  const steps = first === 1 ? "step stands where it should" : `${COUNTS[first]} steps stand where they should`;
  return `The first ${steps}; the next one does not.`;
}

// What is said after an attempt that was wrong: why, but not the answer.
function correction(question, given) {
  const { kind, options, answer } = question;
  if (kind === "number") {
    const slip = options.slice(1).find((option) => near(question, given, option.value));
    return `<p>${NOT_YET} ${slip ? slip.why : `That is too ${given > answer ? "large" : "small"}.`}</p>`;
  }
  if (kind === "order") {
    const first = given.findIndex((item, i) => item !== answer[i]);
    return `<p>${NOT_YET} ${placed(first)}</p>` + list([reason(question, given[first])]);
  }
  if (kind === "several") {
    const wrong = given.filter((i) => !answer.includes(i)), right = given.length - wrong.length;
    const said = ticked(right, wrong.length, answer.length - right);
    return `<p>${NOT_YET} ${said}</p>${list(wrong.map((i) => reason(question, i)))}`;
  }
  return `<p>${NOT_YET} ${options[given[0]].why}</p>`;
}

// What is said at the end: the answer, and every option's own explanation.
function explanation(question, right) {
  const { kind, options, answer } = question;
  const head = right ? YES : "<strong>The answer.</strong>";
  if (kind === "order") {
    return `<p>${head}</p><ol>${options.map((_, i) => reason(question, i)).join("")}</ol>`;
  }
  if (kind === "several") {
    return `<p>${head}</p>` + list(options.map((option, i) =>
      `<li>${answer.includes(i) ? "✓ true" : "✗ not true"}: <strong>${option.text}</strong>. ${option.why}</li>`));
  }
  const best = kind === "number" ? 0 : answer[0];
  const others = options.map((_, i) => i).filter((i) => i !== best);
  const name = right && kind !== "number" ? "" : `${options[best].text}. `;
  const asked = kind === "number" ? "Common wrong answers" : "And the others?"; // a number has no others to choose from
  const reasons = list(others.map((i) => reason(question, i)));
  const rest = reasons && `<p class="gmmt-others">${asked}</p>${reasons}`;
  return `<p>${head} ${name}${options[best].why}</p>${rest}`;
}

export default {
  render({ model, el }) {
    const about = model.get("_about"), still = new AbortController(), { signal } = still;
    const view = `gmmt-quiz-${Math.random().toString(36).slice(2)}-${views++}`;
    const on = (node, kind, action) => node.addEventListener(kind, action, { signal });
    const typeset = (node) => {
      const maths = model.widget_manager?._rendermime?.latexTypesetter;
      if (maths) return maths.typeset(node);
      globalThis.MathJax?.typesetPromise?.([node])?.catch?.(() => {});
    };
    const fresh = (question) => ({
      given: question.kind === "order" ? question.shuffled : question.kind === "number" ? null : [],
      tries: 0, right: false, shown: false,
    });
    const stateOf = (question) => model.get("_state")[question.id] ?? fresh(question);
    const set = (question, change) => {
      model.set("_state", { ...model.get("_state"), [question.id]: { ...stateOf(question), ...change } });
      model.save_changes();
    };

    function build(question, number) {
      const { kind, options } = question, name = `${view}-${question.id}`;
      const kicker = make("span", { className: "gmmt-kicker",
        textContent: `Question ${number + 1} of ${about.questions.length}: ${question.hint}` });
      const group = make("fieldset", {}, make("legend", {}, kicker,
        make("span", { className: "gmmt-question", innerHTML: question.text })));
      const status = make("div", { className: "gmmt-why", tabIndex: -1, role: "status" });
      const check = make("button", { type: "button", className: "gmmt-primary", textContent: "Check" });
      const show = make("button", { type: "button",
        textContent: about.test ? "I do not know yet" : "Show the answer" });
      const again = make("button", { type: "button" });
      const note = make("span", { className: "gmmt-hint", role: "status" });
      for (const button of [check, show, again]) button.setAttribute("aria-description", `question ${number + 1}`);
      const inputs = [], rows = [], marks = [];
      let draft = stateOf(question).given; // what is chosen, whether or not it has been checked
      let changed = false; // since the last check

      const choose = (given) => { draft = given; changed = true; draw(); };
      const part = { one: choices, several: choices, picture: choices, number: field, order: steps }[kind]();

      function choices() {
        const many = kind === "several";
        if (kind === "picture") {
          const frame = make("div", { className: "gmmt-picture", innerHTML: question.svg });
          const svg = frame.querySelector("svg");
          on(svg, "click", (event) => { // the labelled point that is nearest
            if (inputs[0].disabled) return;
            const far = [...svg.querySelectorAll("[data-option]")].map((node) => {
              const box = node.getBoundingClientRect();
              return Math.hypot(event.clientX - box.x - box.width / 2, event.clientY - box.y - box.height / 2);
            });
            choose([far.indexOf(Math.min(...far))]);
          });
          group.append(frame);
        }
        options.forEach((option, i) => {
          const input = make("input", { type: many ? "checkbox" : "radio", name, value: String(i) });
          const mark = make("span", { className: "gmmt-mark" });
          const row = make("label", { className: "gmmt-option" }, input, make("span", { innerHTML: option.text }), mark);
          inputs.push(input); rows.push(row); marks.push(mark);
          group.append(row);
          on(input, "change", () => choose(inputs.flatMap((each, j) => (each.checked ? [j] : []))));
        });
        return (done) => {
          inputs.forEach((input, i) => {
            input.checked = draft.includes(i);
            input.disabled = done;
            const truth = question.answer.includes(i), tried = stateOf(question).tries > 0 && !changed;
            rows[i].classList.toggle("gmmt-chosen", input.checked);
            rows[i].classList.toggle("gmmt-right", done && truth);
            rows[i].classList.toggle("gmmt-wrong", tried && input.checked && !truth);
            marks[i].textContent = done && truth ? "✓ right" : tried && input.checked && !truth ? "✗ not this" : "";
          });
          group.querySelectorAll("[data-option]").forEach((node, i) =>
            node.classList.toggle("gmmt-picked", draft.includes(i)));
        };
      }

      function field() {
        const input = make("input", { type: "text", inputMode: "decimal", className: "gmmt-number", id: name,
          autocomplete: "off", label: `Your number, question ${number + 1}` });
        inputs.push(input);
        group.append(make("p", { className: "gmmt-field" },
          make("label", { htmlFor: name, textContent: "Your number " }), input));
        if (draft !== null) input.value = String(draft);
        on(input, "input", () => choose(readNumber(input.value)));
        on(input, "keydown", (event) => {
          event.stopPropagation(); // what is typed here is no shortcut
          if (event.key === "Enter") { event.preventDefault(); if (!check.disabled && !check.hidden) check.click(); }
        });
        return (done) => {
          input.disabled = done;
          if (stateOf(question).shown) input.value = question.options[0].text;
          else if (draft === null && !changed) input.value = "";
        };
      }

      function steps() {
        const line = make("ol", { className: "gmmt-steps" });
        group.append(line);
        const move = (item, by) => {
          const order = [...draft], from = order.indexOf(item), to = from + by;
          if (to < 0 || to >= order.length) return;
          [order[from], order[to]] = [order[to], order[from]];
          choose(order);
          note.textContent = `Now step ${to + 1} of ${order.length}.`;
          const buttons = line.children[to].querySelectorAll("button");
          (by < 0 ? (to > 0 ? buttons[0] : buttons[1]) : to < order.length - 1 ? buttons[1] : buttons[0]).focus();
        };
        const items = options.map((option, i) => {
          const up = make("button", { type: "button", textContent: "↑", label: `Move up: ${plain(option.text)}` });
          const down = make("button", { type: "button", textContent: "↓", label: `Move down: ${plain(option.text)}` });
          on(up, "click", () => move(i, -1));
          on(down, "click", () => move(i, +1));
          inputs.push(up, down);
          return make("li", {}, make("div", { className: "gmmt-step" },
            make("span", { innerHTML: option.text }), up, down));
        });
        let drawn = "";
        return (done) => {
          if (drawn !== String(draft)) line.replaceChildren(...draft.map((i) => items[i]));
          drawn = String(draft);
          draft.forEach((i, place) => {
            const [up, down] = items[i].querySelectorAll("button");
            up.disabled = done || place === 0;
            down.disabled = done || place === draft.length - 1;
          });
        };
      }

      const box = make("section", { className: "gmmt-asked" }, group,
        make("div", { className: "gmmt-actions" }, check, show, again, note), status);
      box.dataset.testid = "question";
      box.dataset.question = question.id;
      for (const node of [...inputs, check, show, again]) node.dataset.lmSuppressShortcuts = "true";

      const empty = () => draft === null || draft.length === 0;
      let said = null;
      function draw() {
        const state = stateOf(question), done = state.right || state.shown;
        if (!changed) draft = state.given;
        part(done);
        check.hidden = done;
        check.disabled = empty();
        show.hidden = done || (!about.test && !state.tries);
        again.hidden = !done;
        again.textContent = state.right ? "Answer again" : "Try again";
        again.classList.toggle("gmmt-quiet", state.right); // nothing is left to do there
        if (done) note.textContent = "";
        if (kind === "number") {
          note.textContent = changed && draft === null && inputs[0].value.trim() ? "Write a number, such as 0.25 or 1/4." : "";
        }
        const text = done ? explanation(question, state.right)
          : state.tries && !changed ? correction(question, state.given) : "";
        status.hidden = !text;
        status.classList.toggle("gmmt-said-yes", done && state.right);
        status.classList.toggle("gmmt-said-no", !done);
        if (text === said) return;
        said = text;
        status.innerHTML = text;
        if (text) typeset(status);
      }
      on(check, "click", () => {
        const right = isRight(question, draft);
        changed = false;
        set(question, { given: draft, tries: stateOf(question).tries + 1, right });
        if (right) status.focus();
      });
      on(show, "click", () => {
        const { tries } = stateOf(question), unasked = tries === 0; // then it counts as an attempt that failed
        changed = false;
        const given = kind === "order" ? question.answer : fresh(question).given;
        set(question, { given, shown: true, tries: tries + (unasked ? 1 : 0) });
        status.focus();
      });
      on(again, "click", () => {
        changed = false;
        set(question, { ...fresh(question), tries: 0 });
        (inputs.find((input) => !input.disabled) ?? check).focus();
      });
      return { box, draw };
    }

    const parts = about.questions.map(build);
    const score = make("p", { className: "gmmt-score", role: "status" });
    score.dataset.testid = "score";
    const all = make("div", { className: "gmmt-predict gmmt-quiz", role: "group", label: about.title },
      make("p", { className: "gmmt-title", textContent: about.title }), ...parts.map((part) => part.box), score);
    all.dataset.testid = "quiz";
    el.append(all);
    const draw = () => {
      for (const part of parts) part.draw();
      const right = about.questions.filter((question) => stateOf(question).right).length;
      const text = `${right} of ${about.questions.length} right.`;
      if (score.textContent !== text) score.textContent = text;
    };
    model.on("change:_state", draw);
    draw();
    const attached = new ResizeObserver(() => { attached.disconnect(); typeset(all); });
    attached.observe(el);
    return () => { still.abort(); attached.disconnect(); model.off("change:_state", draw); };
  },
};
