// The interview: one card after the other. Python chooses the card; what is pressed here reaches it through _pressed:
// { turn, rating }, and through _level and _topic. The answer is shown without it.
function make(name, props = {}, ...children) {
  const { role, label, ...rest } = props;
  const node = Object.assign(document.createElement(name), rest);
  if (role) node.setAttribute("role", role);
  if (label) node.setAttribute("aria-label", label);
  node.append(...children);
  return node;
}

let views = 0;

export default {
  render({ model, el }) {
    const about = model.get("_about"), still = new AbortController(), { signal } = still;
    const view = `gmmt-interview-${Math.random().toString(36).slice(2)}-${views++}`;
    const on = (node, kind, action) => node.addEventListener(kind, action, { signal });
    const set = (name, value) => { model.set(name, value); model.save_changes(); };

    const choosers = ["level", "topic"].map((name) => {
      const options = about[`${name}s`].map((value) => make("option", { value, textContent: value }));
      const select = make("select", {}, ...options);
      on(select, "change", () => set(`_${name}`, select.value));
      return { name, select, row: make("label", {}, name[0].toUpperCase() + name.slice(1), select) };
    });
    const back = make("p", { className: "gmmt-back", role: "status" });
    const kicker = make("span", { className: "gmmt-kicker" });
    const question = make("span", { className: "gmmt-question", id: `${view}-question` });
    const show = make("button", { type: "button", className: "gmmt-primary", textContent: "Show the answer" });
    show.setAttribute("aria-describedby", question.id); // who tabs to the button hears what is asked
    const answer = make("div", { className: "gmmt-why", tabIndex: -1, role: "region", label: "The answer" });
    const ratings = about.ratings.map(([name, meaning]) => {
      const button = make("button", { type: "button", className: "gmmt-rating" }, name,
        make("span", { textContent: meaning }));
      on(button, "click", () => {
        rated = true;
        set("_pressed", { turn: model.get("_shown").turn, rating: name.toLowerCase() });
      });
      return button;
    });
    const how = make("div", { className: "gmmt-actions", role: "group", label: "How was it?" },
      make("span", { className: "gmmt-how", textContent: "How was it?" }), ...ratings);
    const more = make("div");
    const progress = make("p", { className: "gmmt-score gmmt-seen" });
    const all = make("div", { className: "gmmt-predict gmmt-quiz", role: "group", label: "Interview cards" },
      make("div", { className: "gmmt-chooser" }, ...choosers.map((each) => each.row)), back,
      make("section", { className: "gmmt-asked" }, kicker, question, make("div", { className: "gmmt-actions" }, show),
        answer, how, more), progress);
    all.dataset.testid = "interview";
    const controls = [...choosers.map((each) => each.select), show, ...ratings];
    for (const node of controls) node.dataset.lmSuppressShortcuts = "true";
    el.append(all);

    let turn = null, rated = false; // the card that is drawn; whether it was rated here, by somebody who goes on here
    function draw() {
      const shown = model.get("_shown"), open = model.get("_revealed") && shown.asked;
      for (const { name, select } of choosers) select.value = model.get(`_${name}`);
      if (shown.turn !== turn) {
        turn = shown.turn;
        back.replaceChildren(shown.back);
        back.hidden = !shown.back;
        kicker.innerHTML = shown.kicker;
        question.innerHTML = shown.question;
        answer.innerHTML = shown.answer;
        more.replaceChildren(...shown.more.map(([name, html]) => {
          const summary = make("summary", { textContent: name });
          summary.dataset.lmSuppressShortcuts = "true";
          return make("details", {}, summary, make("div", { innerHTML: html }));
        }));
        progress.textContent = shown.progress;
      }
      show.parentNode.hidden = !shown.asked || open;
      for (const node of [answer, how, more]) node.hidden = !open;
      if (rated && !open) { // the button that was pressed is gone
        rated = false;
        if (shown.asked) show.focus();
        else { question.tabIndex = -1; question.focus(); }
      }
    }
    on(show, "click", () => {
      set("_revealed", true);
      answer.focus();
      how.scrollIntoView({ block: "nearest" });
    });
    const names = ["_shown", "_revealed", "_level", "_topic"];
    for (const name of names) model.on(`change:${name}`, draw);
    draw();
    return () => {
      still.abort();
      for (const name of names) model.off(`change:${name}`, draw);
    };
  },
};
