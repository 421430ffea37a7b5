import { em, lloyd, record } from "./em.js";
import { Panel, climbLimits, limitsOf, make, toLab } from "./picture.js";
import { Data, Run, number } from "./run.js";

// The TracePlayer's front end. Python sends one description of data and runs ("_about") and gets back the runs
// made here ("_edits"), the prediction and the position. Nothing here needs a kernel.

const MOVE = 400; // how long an M-step moves, ms
const BEAT = [1000, 800]; // after an M-step and after an E-step, when playing at 1×, ms
const SLICE = 8; // how much of an animation frame EM may take, ms

class Player {
  constructor(model, host) {
    Object.assign(this, {
      model,
      about: model.get("_about"),
      chosen: 0,
      h: 0,
      extra: "",
      point: null,
      focus: null,
      drag: null,
      since: null,
    });
    const datas = this.about.data.map((d) => new Data(d));
    this.slots = this.about.runs.map((about) => {
      const data = datas[about.data],
        recorded = Run.decode(about, data);
      return { name: about.name, data, recorded, run: recorded, work: null, editable: about.algorithm !== "other" };
    });
    for (const data of datas)
      data.limits = limitsOf(
        data,
        this.slots.filter((s) => s.data === data).map((s) => s.recorded),
      );
    this.select = this.about.layout === "select" && this.slots.length > 1;
    this.lead = this.slots.find((slot) => slot.editable) || this.slots[0]; // whose start the controls show
    this.stopped = new AbortController();
    this.build(host);
    this.readModel();
    this.go(this.placing ? 0 : model.get("position") || 0, { tell: false });
    this.watch();
    this.theme();
  }

  get shown() {
    return this.select ? [this.slots[this.chosen]] : this.slots;
  }
  get end() {
    return Math.max(...this.shown.map((slot) => slot.run.end));
  }
  get placing() {
    return this.guess.phase === "placing";
  }
  get hidden() {
    return this.placing || (this.guess.phase === "locked" && !this.guess.seen);
  } // how it will go on

  build(host) {
    const { title } = this.about,
      root = (this.root = make("div", "player", host, {
        role: "group",
        "aria-label": title || "Player of a run",
        "data-testid": "trace-player",
      }));
    root.player = this; // for whoever inspects the page
    if (title) make("div", "title", root, {}, title);
    this.guessRow = make("div", "row", root, {
      role: "group",
      "aria-label": "Your prediction",
      "data-testid": "predict",
    });
    this.figure = make("div", "figure", root, {
      tabindex: 0,
      role: "group",
      "data-testid": "figure",
      "aria-label":
        "Picture. Space plays, left and right arrows step, Home and End jump, n finds the next event, up and down arrows read points.",
    });
    this.panels = this.shown.map(() => new Panel(this.figure));
    this.range = make("input", "range", make("div", "row", root), {
      type: "range",
      min: 0,
      "aria-label": "Timeline",
      "data-testid": "timeline",
    });
    this.range.oninput = () => this.jump(+this.range.value);
    const row = (this.controls = make("fieldset", "row", root, { "aria-label": "Playback" }));
    this.playButton = this.button(row, "play", "▶ Play", () => this.play(!this.timer), "main");
    this.button(row, "start", "⇤ Start", () => this.jump(0));
    this.button(row, "back", "← Back", () => this.jump(this.h - 1));
    this.button(row, "step", "Step →", () => this.jump(this.h + 1, true));
    this.button(row, "end", "End ⇥", () => this.jump(this.end));
    this.button(row, "event", "Next event", () => this.nextEvent());
    this.speed = this.choice(
      row,
      "speed",
      "Speed",
      [
        [0.5, "0.5×"],
        [1, "1×"],
        [2, "2×"],
        [4, "4×"],
      ],
      1,
    );
    if (this.select)
      this.choice(
        row,
        "trace",
        "Run",
        this.slots.map((slot, i) => [i, slot.name]),
        0,
        (i) => ((this.chosen = +i), this.refresh()),
      );
    const can = this.slots.filter((slot) => slot.editable),
      soft = can.filter((slot) => !slot.run.hard),
      { K } = this.lead.run;
    this.edits = make("fieldset", "row", root, { "aria-label": "Change the start" });
    if (can.length) {
      const sizes = [1, 2, 3, 4, 5, 6, 7, 8, ...(K > 8 ? [K] : [])]
        .filter((k) => k <= this.lead.data.N)
        .map((k) => [k, k]);
      this.size = this.choice(this.edits, "components", "Components", sizes, K, (k) =>
        this.restart(can, ({ data }) => [data.seeds(+k, this.about.seed + +k)]),
      );
      if (soft.length === 1)
        this.type = this.choice(
          this.edits,
          "type",
          "Covariance",
          ["full", "tied", "diag", "spherical"].map((t) => [t, t]),
          soft[0].run.about.type,
          (type) => this.restart(soft, ({ run }) => [run.snapshots[0].mixture.means, type]),
        );
      this.movers = make("span", "row", this.edits, {
        role: "group",
        "aria-label": "Move a starting mean with the arrow keys",
      });
      this.button(this.edits, "reset", "Reset", () => this.reset());
    }
    if (can.length < this.slots.length)
      make(
        "p",
        "note",
        root,
        { "data-testid": "note" },
        (can.length
          ? this.slots
              .filter((slot) => !slot.editable)
              .map((slot) => slot.name)
              .join(", ")
          : "This run") + " plays, but cannot be changed here: its algorithm runs in Python only.",
      );
    [this.text, this.readout] = ["text", "readout"].map((name) =>
      make("p", name, root, { "aria-live": "polite", "data-testid": name }),
    );
    make(
      "p",
      "note",
      root,
      {},
      (can.length ? "Drag a starting mean to run again. " : "") +
        "Keys: Space plays, ← → step, Home and End jump, n finds the next event, ↑ ↓ read points.",
    );
  }

  button(host, name, words, action, style = "button") {
    const element = make("button", style, host, { type: "button", "data-testid": name }, words);
    element.onclick = action;
    return element;
  }

  choice(host, name, words, options, value, action) {
    const element = make("select", name, make("label", "", host, {}, words), { "data-testid": name });
    for (const [key, text] of options) make("option", "", element, { value: key }, text);
    element.value = value;
    if (action) element.onchange = () => action(element.value);
    return element;
  }

  /** Buttons that take the focus, and then the arrow keys, for every starting mean or cross. */
  handles(host, kind, words, n) {
    if (host.childElementCount !== n + 1) {
      host.replaceChildren(make("span", "", null, {}, words));
      for (let k = 0; k < n; k++) {
        const element = this.button(host, `${kind}-${k}`, String(k), () => element.focus());
        element.handle = { kind, k };
        element.onfocus = () => {
          this.focus = element.handle;
          this.refresh();
        };
        element.onblur = () => {
          this.focus = null;
          this.refresh();
        };
      }
    }
    [...host.children].slice(1).forEach((element, k) => {
      const [x, y] = this.whereIs(kind, k),
        where = this.lead.run.place({ x, y });
      element.setAttribute(
        "aria-label",
        `${kind === "cross" ? "Cross" : "Starting mean"} ${k} at ${where}. Arrow keys move it, with Shift further.`,
      );
      if (this.focus === element.handle) this.readout.textContent = element.getAttribute("aria-label");
    });
  }

  whereIs(kind, k) {
    if (kind === "cross") return this.guess.crosses[k];
    const { x, y } = this.lead.run.shapes(0)[k];
    return [x, y];
  }

  // --- what comes from outside: the model, the page, the pointer, the keys ---

  watch() {
    const { signal } = this.stopped,
      on = (target, name, action, more) => target.addEventListener(name, action, { signal, ...more });
    const position = () => {
      if (!this.placing && this.model.get("position") !== this.h) this.go(this.model.get("position"), { tell: false });
    };
    const heard = [
      ["change:_edits", () => this.readModel()],
      ["change:_prediction", () => this.readModel()],
      ["change:position", position],
    ].map(([name, action]) => [name, () => this.sending || action()]);
    for (const [name, action] of heard) this.model.on(name, action);
    const retheme = () => requestAnimationFrame(() => this.theme());
    const themes = new MutationObserver(retheme),
      sizes = new ResizeObserver(() => this.theme());
    for (const node of [document.documentElement, document.body])
      themes.observe(node, {
        attributes: true,
        attributeFilter: ["data-jp-theme-light", "data-jp-theme-name", "data-theme", "class"],
      });
    sizes.observe(this.root);
    on(matchMedia("(prefers-color-scheme: dark)"), "change", retheme);
    signal.addEventListener("abort", () => {
      for (const [name, action] of heard) this.model.off(name, action);
      themes.disconnect();
      sizes.disconnect();
      clearTimeout(this.timer);
    });
    on(this.root, "keydown", (event) => this.key(event));
    this.panels.forEach((panel, i) => {
      const { canvas } = panel,
        slot = () => this.shown[i];
      const place = (event, r = canvas.getBoundingClientRect()) => [event.clientX - r.left, event.clientY - r.top];
      const hit = (event) => panel.hit(...place(event), this.placing && this.guess.crosses);
      const grabs = (found) => found?.kind === "cross" || (found?.kind === "mean" && slot().editable && !this.placing);
      on(canvas, "pointermove", (event) => {
        if (this.drag)
          return this.drag.panel === panel && this.move(this.drag, panel.box.data(...place(event)), slot());
        const found = hit(event);
        canvas.style.cursor = grabs(found) ? "grab" : "";
        this.hover(panel, found, place(event));
      });
      on(canvas, "pointerleave", () => this.hover(panel, null));
      on(canvas, "pointerdown", (event) => {
        const found = hit(event);
        if (event.button || !grabs(found)) return;
        canvas.setPointerCapture(event.pointerId);
        canvas.style.cursor = "grabbing";
        this.hover(panel, null);
        this.drag = { ...found, panel };
      });
      for (const name of ["pointerup", "pointercancel"])
        on(canvas, name, () => {
          if (!this.drag) return;
          const { kind } = this.drag;
          this.drag = null;
          canvas.style.cursor = "";
          if (kind === "cross") this.tell("_prediction", this.guess);
          else this.commit();
          this.draw();
        });
      // A finger on a mean drags it; anywhere else it scrolls the page.
      on(canvas, "touchstart", (event) => grabs(hit(event.touches[0])) && event.preventDefault(), { passive: false });
    });
  }

  key(event) {
    const { key, target, shiftKey } = event,
      { handle } = target;
    const notOurs = event.ctrlKey || event.metaKey || event.altKey || key === "Tab" || (shiftKey && key === "Enter");
    if (notOurs || (key === "Escape" && this.point === null)) return;
    event.stopPropagation(); // JupyterLab must not take the arrows, a, b, d d … for its own
    const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[key];
    if (handle && arrow) {
      const { box } = this.panels[Math.max(0, this.shown.indexOf(this.lead))],
        by = shiftKey ? 0.05 : 0.01,
        at = this.whereIs(handle.kind, handle.k);
      event.preventDefault();
      this.move(
        handle,
        box.clip([at[0] + arrow[0] * by * (box.x[1] - box.x[0]), at[1] + arrow[1] * by * (box.y[1] - box.y[0])]),
        this.lead,
      );
      return;
    }
    if (target.tagName === "SELECT" || this.placing) return;
    const actions = {
      ArrowLeft: () => this.jump(this.h - 1),
      ArrowRight: () => this.jump(this.h + 1, true),
      Home: () => this.jump(0),
      End: () => this.jump(this.end),
      n: () => this.nextEvent(),
      Escape: () => this.readPoint(0),
    };
    if (target.tagName !== "BUTTON") actions[" "] = () => this.play(!this.timer);
    if (target === this.figure)
      Object.assign(actions, { ArrowUp: () => this.readPoint(-1), ArrowDown: () => this.readPoint(1) });
    if (!actions[key]) return;
    event.preventDefault();
    actions[key]();
  }

  hover(panel, found, [px, py] = []) {
    const { tip, canvas } = panel,
      point = found?.kind === "point" ? found.n : null;
    if (point !== this.point && (point !== null || this.hovered)) {
      this.point = point;
      this.draw();
    }
    this.hovered = !!found;
    panel.found = found;
    tip.hidden = !found || found.kind === "cross";
    if (tip.hidden) return;
    tip.textContent = panel.read(found, this.h);
    const right = px + 18 + tip.offsetWidth <= panel.width,
      top = canvas.offsetTop;
    tip.style.left = `${right ? px + 18 : Math.max(0, px - 14 - tip.offsetWidth)}px`;
    tip.style.top = `${Math.min(top + py + 14, top + panel.height - tip.offsetHeight)}px`;
  }

  /** Read the next point to the right (1) or to the left (-1), for the keyboard; 0 stops reading. */
  readPoint(by) {
    const { order } = this.lead.data,
      now = order.indexOf(this.point);
    this.point = by ? order[now < 0 ? 0 : (now + by + order.length) % order.length] : null;
    this.hovered = false;
    this.refresh();
  }

  theme() {
    if (!this.root.isConnected) return;
    const { jpThemeLight, theme, vscodeThemeKind } = document.body.dataset,
      named = document.documentElement.dataset.theme || theme || vscodeThemeKind;
    const dark = jpThemeLight
      ? jpThemeLight === "false"
      : named
        ? /dark/.test(named)
        : matchMedia("(prefers-color-scheme: dark)").matches;
    this.root.dataset.theme = dark ? "dark" : "light";
    this.root.classList.toggle("gmmt-lab", !!jpThemeLight);
    const style = getComputedStyle(this.root),
      look = this.about.looks[this.root.dataset.theme];
    this.look = {
      ...look,
      dark,
      lab: look.colours.map(toLab),
      font: style.fontFamily,
      background: style.backgroundColor,
    };
    this.arrange();
  }

  arrange() {
    const width = this.root.clientWidth - 16,
      n = this.shown.length;
    if (width <= 0 || !this.look) return; // not on the page yet, or folded away
    const fit = Math.max(1, Math.min(n, Math.floor(width / 380))),
      columns = n === 4 && fit === 3 ? 2 : fit;
    this.figure.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
    const each = (width - 12 * (columns - 1)) / columns,
      room = window.innerHeight - 470, // what a low screen leaves beside the page's own head and the controls
      tall = Math.min(this.about.height, Math.max(280, Math.min(0.9 * each, room)));
    this.shown.forEach(({ run, data }, i) => {
      // runs of one kind on one scale
      const alike = this.shown.filter((s) => s.run.objective === run.objective && s.data === data).map((s) => s.run);
      const last = Math.max(1, ...alike.map((r) => r.last));
      this.panels[i].arrange(each, tall, data.limits, [[-0.03 * last, 1.03 * last], climbLimits(alike)]);
    });
    this.draw();
  }

  // --- the position ---

  /** Show position h at once; an M-step forward moves there gently if asked to. */
  go(h, { gently = false, tell = true } = {}) {
    this.h = Math.max(0, Math.min(h, this.end));
    this.extra = "";
    const still = !gently || !this.h || this.h % 2 || matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.since = still ? null : performance.now() - 16;
    if (this.h === this.end && this.guess.phase === "locked" && !this.guess.seen)
      this.tell("_prediction", (this.guess = { ...this.guess, seen: true }));
    for (const panel of this.panels) {
      // a point stays under the pointer and has new shares; an ellipse has moved away
      if (panel.found?.kind === "point") panel.tip.textContent = panel.read(panel.found, this.h);
      else panel.tip.hidden = true;
    }
    this.draw();
    this.words();
    if (!still) this.tween();
    if (tell) this.tell("position", this.h);
  }

  jump(h, gently) {
    this.play(false);
    this.go(h, { gently });
  }

  tween() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => {
      if (this.since === null || this.stopped.signal.aborted) return;
      if (performance.now() - this.since >= MOVE) this.since = null;
      else this.tween();
      this.draw();
    });
  }

  play(on) {
    clearTimeout(this.timer);
    this.timer = null;
    const beat = (wait) =>
      (this.timer = setTimeout(() => {
        this.go(this.h + 1, { gently: true });
        if (this.h < this.end) beat(BEAT[this.h % 2]);
        else this.play(false);
      }, wait / this.speed.value));
    if (on && !this.placing) {
      if (this.h === this.end) this.go(0);
      beat(this.h ? 100 : 500);
    }
    this.playButton.textContent = this.timer ? "❚❚ Pause" : "▶ Play";
    this.text.setAttribute("aria-live", this.timer ? "off" : "polite"); // a voice cannot keep up with a film
  }

  nextEvent() {
    this.play(false);
    for (let h = this.h + 1 + (this.h % 2); h <= this.end; h += 2)
      if (this.shown.some(({ run }) => h <= run.end && run.news(h >> 1).length)) return this.go(h);
    this.extra = "No more events: from here on no label flips and no component runs out of points.";
    this.words();
  }

  // --- new runs ---

  /** Start these runs again; change gives the starting means of a slot and, if it is a new one, the covariance type. */
  // The rest stays as the run began: the weights if there are as many, and the covariances if they are of that type.
  restart(slots, change) {
    const { reg_covar, tol, max_iter } = this.about;
    this.play(false);
    Object.assign(this, { since: null, extra: "" });
    for (const slot of slots) {
      const { data, run } = slot,
        { X, D, N } = data,
        old = run.snapshots[0].mixture,
        [means, type = old.type] = change(slot),
        K = means.length / D,
        asMany = K === run.K;
      const start = {
        type,
        weights: asMany ? old.weights : new Float64Array(K).fill(1 / K),
        means,
        covariances: asMany && type === old.type ? old.covariances : data.spread(type, K, reg_covar),
      };
      const work = run.hard
        ? record(lloyd(X, D, means), N, Number.MIN_VALUE, 300) // until nothing moves
        : record(em(X, D, start, reg_covar), N, tol, max_iter);
      const first = work.next();
      if (first.done)
        this.extra = "This start cannot run: the data have no spread in some direction. Try a larger reg_covar.";
      else {
        slot.run = new Run({ ...run.about, type, outcome: null }, data, [first.value]);
        slot.run.cache.set(0, first.value.responsibilities);
        slot.work = work;
      }
    }
    this.h = 1; // the new start and its colours
    this.refresh();
    this.next();
  }

  next() {
    cancelAnimationFrame(this.working);
    this.working = requestAnimationFrame(() => !this.stopped.signal.aborted && this.work());
  }

  /** A slice of EM. */
  work() {
    const until = performance.now() + SLICE;
    for (const slot of this.slots)
      while (slot.work && performance.now() < until) {
        const { done, value } = slot.work.next(),
          { run } = slot;
        if (done) {
          run.about.outcome = value;
          slot.work = null;
        } else run.snapshots.push({ mixture: value.mixture, objective: value.objective });
      }
    const more = this.slots.some((slot) => slot.work);
    if (!more || this.cost < SLICE) this.refresh(); // the curve grows as it is computed, unless drawing costs more than EM
    if (more) this.next();
    else this.commit();
  }

  /** Tell Python about the runs made here, once they are complete. */
  commit() {
    if (this.drag || this.slots.some((slot) => slot.work)) return;
    this.tell(
      "_edits",
      Object.fromEntries(this.slots.filter((s) => s.run !== s.recorded).map((s) => [s.name, s.run.encode()])),
    );
    this.tell("position", this.h);
  }

  move({ kind, k }, place, { data, run }) {
    if (kind === "cross") {
      this.guess = {
        ...this.guess,
        crosses: this.guess.crosses.map((old, i) => (i === k ? [place[0], data.flat ? 0 : place[1]] : old)),
      };
      if (!this.drag) this.tell("_prediction", this.guess);
      return this.refresh();
    }
    const { D, axes } = data,
      mean = run.snapshots[0].mixture.means.slice(k * D, (k + 1) * D),
      old = data.project(mean);
    axes.forEach((a, i) => (mean[i % D] += a * (place[i < D ? 0 : 1] - old[i < D ? 0 : 1])));
    // From the same start: the mean moves in every run of these data.
    this.restart(
      this.slots.filter((s) => s.editable && s.data === data && s.run.K === run.K),
      (slot) => {
        const means = slot.run.snapshots[0].mixture.means.slice();
        means.set(mean, k * D);
        return [means];
      },
    );
  }

  reset() {
    for (const slot of this.slots) Object.assign(slot, { run: slot.recorded, work: null });
    this.tell("_edits", {});
    this.jump(0);
    this.refresh();
  }

  // --- prediction ---

  phase(phase, more) {
    this.tell("_prediction", (this.guess = { ...this.guess, phase, ...more }));
    this.jump(0);
    this.refresh();
    (phase === "placing" ? this.figure : this.playButton).focus();
  }

  /** Crosses in a row along the picture, away from any answer. */
  newCrosses() {
    const { run, data } = this.lead,
      [x, y] = data.limits;
    return Array.from({ length: run.K }, (_, k) => [
      x[0] + ((k + 1) / (run.K + 1)) * (x[1] - x[0]),
      data.flat ? 0 : y[0] + 0.12 * (y[1] - y[0]),
    ]);
  }

  guessControls() {
    const { phase, crosses } = this.guess,
      row = this.guessRow;
    row.hidden = !this.about.predict;
    if (row.hidden) return;
    if (row.dataset.phase !== phase) {
      row.dataset.phase = phase;
      row.replaceChildren();
      if (phase === "placing") {
        make("b", "", row, {}, "Where will the means settle? Place the crosses, then lock your prediction.");
        this.crosses = make("span", "row", row, { role: "group", "aria-label": "Move a cross with the arrow keys" });
        this.button(row, "lock", "Lock my prediction", () => this.phase("locked"), "main");
        this.button(row, "skip", "Skip", () => this.phase("skipped"));
      } else
        this.button(row, "again", phase === "locked" ? "Predict again" : "Make a prediction", () =>
          this.phase("placing", { seen: false, crosses: this.newCrosses() }),
        );
    }
    if (phase === "placing") this.handles(this.crosses, "cross", "Crosses", crosses.length);
  }

  /** How far each cross was from its mean, paired so that the whole distance is smallest. */
  verdict({ run, data }) {
    const { crosses } = this.guess,
      means = run.shapes(run.last),
      { limits, names } = data;
    if (crosses.length !== means.length) return "Your prediction was for another number of components.";
    // Nobody aims better than to a hundredth of the axis.
    const digits = (p) => Math.max(0, 2 - Math.floor(Math.log10(limits[p][1] - limits[p][0])));
    const off = (cross, mean) => names.map((_, p) => Math.abs(cross[p] - (p ? mean.y : mean.x)));
    const cost = (cross, mean) => Math.hypot(...off(cross, mean).map((v, p) => v / (limits[p][1] - limits[p][0])));
    let best = { total: Infinity };
    const pair = (chosen, total) => {
      if (total >= best.total) return;
      if (chosen.length === means.length) best = { chosen, total };
      else
        means.forEach(
          (mean, k) => chosen.includes(k) || pair([...chosen, k], total + cost(crosses[chosen.length], mean)),
        );
    };
    pair([], 0);
    return `Your prediction: ${best.chosen
      .map(
        (k, i) =>
          `cross ${i} was off mean ${k} by ` +
          off(crosses[i], means[k])
            .map((v, p) => `${number(v, digits(p))} in ${names[p]}`)
            .join(" and "),
      )
      .join("; ")}.`;
  }

  // --- showing ---

  /** Bring everything up to date. */
  refresh() {
    const { run } = this.lead;
    this.h = Math.min(this.h, this.end);
    if (this.size) {
      this.size.value = run.K;
      if (this.type) this.type.value = this.slots.find((s) => s.editable && !s.run.hard).run.about.type;
      this.handles(this.movers, "mean", "Move mean", run.K);
    }
    this.guessControls();
    for (const part of [this.controls, this.edits, this.range]) part.disabled = this.placing;
    this.arrange();
    this.words();
  }

  words() {
    const { h, shown, placing, point } = this,
      named = this.slots.length > 1,
      name = (slot) => (named ? `${slot.name}: ` : "");
    const lines = shown.map((slot, i) => {
      const { run, data } = slot,
        panel = this.panels[i],
        words = name(slot) + run.describe(h, !this.hidden);
      panel.name.textContent = slot.name;
      panel.badge.textContent = run.stepName(h) + (h > run.end ? " (finished)" : "");
      panel.legend.textContent = run.hard
        ? data.D === data.names.length
          ? "lines: equally near to two centres"
          : ""
        : data.flat
          ? "thick grey line: the mixture; in colour: its components; bars: the data"
          : "thick 2σ: 86 % of a 2-D Gaussian; thin 1σ: 39 %";
      panel.canvas.setAttribute("aria-label", words);
      return words;
    });
    if (h === this.end && this.guess.phase === "locked")
      lines.push(...shown.map((slot) => name(slot) + this.verdict(slot)));
    if (this.extra) lines.push(this.extra);
    if (this.text.textContent !== lines.join("\n")) this.text.textContent = lines.join("\n");
    if (!this.focus)
      this.readout.textContent =
        point === null || this.hovered
          ? ""
          : shown
              .map((slot, i) => name(slot) + this.panels[i].read({ kind: "point", n: point }, h).replace(/\n/g, ", "))
              .join("\n");
    Object.assign(this.range, { max: this.end, value: h });
    this.range.setAttribute("aria-valuetext", shown[0].run.stepName(h));
    this.root.dataset.position = h;
    this.root.dataset.placing = placing;
  }

  draw() {
    if (!this.look || !this.panels[0].box) return;
    const begin = performance.now(),
      tween = this.since === null ? 1 : Math.min(1, (begin - this.since) / MOVE);
    const { look, point, focus, hidden, guess } = this;
    this.shown.forEach(({ run }, i) => {
      const { t, h, isE } = run.at(this.h),
        moving = h === this.h;
      this.panels[i].draw({
        run,
        h,
        look,
        point,
        focus,
        hidden,
        tween: moving ? tween : 1,
        flips: isE && moving ? run.events(t).flips.map(([n]) => n) : [],
        ghost: this.drag?.kind === "mean" && !run.running && !hidden, // where the run from here will end
        crosses: guess.phase === "placing" || guess.phase === "locked" ? guess.crosses : null,
      });
    });
    this.cost = performance.now() - begin;
  }

  // --- Python ---

  tell(name, value) {
    this.sending = true;
    this.model.set(name, value);
    this.sending = false;
    try {
      this.model.save_changes();
    } catch {
      /* a page without a kernel */
    }
  }

  readModel() {
    const edits = this.model.get("_edits") || {},
      guess = this.model.get("_prediction") || {};
    for (const slot of this.slots)
      Object.assign(slot, {
        work: null,
        run: edits[slot.name] ? Run.decode(edits[slot.name], slot.data) : slot.recorded,
      });
    this.guess = guess.phase ? guess : { phase: this.about.predict ? "placing" : "none", crosses: this.newCrosses() };
    if (this.placing) this.h = 0;
    this.since = null;
    this.refresh();
  }

  remove() {
    this.stopped.abort();
    this.root.remove();
  }
}

function render({ model, el }) {
  const player = new Player(model, el);
  return () => player.remove();
}

export default { render };
