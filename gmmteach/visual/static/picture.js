import { count, number, percent } from "./run.js";

// What the player draws: one picture of a run, the points and components and the objective, on a canvas.

// --- the look: colours come from gmmteach.visual.theme, markers and dashes are its own ---------------------------

const DASHES = [
  [],
  [10, 5],
  [3, 3],
  [12, 4, 3, 4],
  [18, 5],
  [6, 3],
  [12, 3, 3, 3, 3, 3],
  [18, 4, 6, 4],
  [5, 5],
  [24, 4, 3, 4],
];

/** Corners of each component's marker, about a unit circle; the first one is a circle. */
const CORNERS = (() => {
  const ring = (n, from, size, inner = size) =>
    Array.from({ length: inner < size ? 2 * n : n }, (_, i, step = inner < size ? n : n / 2) =>
      [Math.cos(from + (Math.PI * i) / step), Math.sin(from + (Math.PI * i) / step)].map(
        (v) => v * (i % 2 ? inner : size),
      ),
    );
  const up = -Math.PI / 2,
    turn = ([x, y]) => [(x - y) * Math.SQRT1_2, (x + y) * Math.SQRT1_2];
  const plus = [
    [-1, -3],
    [1, -3],
    [1, -1],
    [3, -1],
    [3, 1],
    [1, 1],
    [1, 3],
    [-1, 3],
    [-1, 1],
    [-3, 1],
    [-3, -1],
    [-1, -1],
  ].map(([x, y]) => [x / 2.7, y / 2.7]);
  return [
    null,
    ring(4, up / 2, 1.25),
    ring(3, up, 1.35),
    ring(4, 0, 1.25),
    ring(3, -up, 1.35),
    plus,
    ring(5, up, 1.15),
    ring(5, up, 1.5, 0.65),
    ring(6, up, 1.1),
    plus.map(turn),
  ];
})();

/** The path of component k's marker. */
function mark(c, k, x, y, r) {
  const corners = CORNERS[k % 10];
  c.beginPath();
  if (!corners) c.arc(x, y, r, 0, 2 * Math.PI);
  else for (const [dx, dy] of corners) c.lineTo(x + r * dx, y + r * dy);
  c.closePath();
}

/** Draw a line along a path. */
function stroke(c, colour, width, path, dash = [], alpha = 1) {
  Object.assign(c, { strokeStyle: colour, lineWidth: width, globalAlpha: alpha });
  c.setLineDash(dash);
  if (path) {
    c.beginPath();
    path();
  }
  c.stroke();
  c.globalAlpha = 1;
  c.setLineDash([]);
}

const line = (c, points) => points.forEach(([x, y]) => c.lineTo(x, y));

function write(c, look, words, x, y, { align = "left", weight = 400, size = 14, halo = 0 } = {}) {
  Object.assign(c, {
    font: `${weight} ${size}px ${look.font}`,
    textAlign: align,
    textBaseline: "middle",
    lineJoin: "round",
  });
  if (halo) {
    Object.assign(c, { strokeStyle: look.background, lineWidth: halo });
    c.strokeText(words, x, y);
  }
  c.fillStyle = look.text;
  c.fillText(words, x, y);
}

// Colours mix in OKLab (Ottosson 2020), as in theme.mix: half and half looks half-way, and a little greyer.
const times = (matrix, v) => matrix.map((row) => row[0] * v[0] + row[1] * v[1] + row[2] * v[2]);

export function toLab(hex) {
  const light = [1, 3, 5]
    .map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  const cones = times(
    [
      [0.41222, 0.53633, 0.05145],
      [0.2119, 0.6807, 0.1074],
      [0.0883, 0.28172, 0.62998],
    ],
    light,
  );
  return times(
    [
      [0.21045, 0.79362, -0.00407],
      [1.978, -2.42859, 0.45059],
      [0.0259, 0.78277, -0.80868],
    ],
    cones.map(Math.cbrt),
  );
}

function fromLab(lab) {
  const cones = times(
    [
      [1, 0.3963378, 0.2158038],
      [1, -0.1055613, -0.0638542],
      [1, -0.0894842, -1.2914855],
    ],
    lab,
  );
  const light = times(
    [
      [4.07674, -3.30771, 0.23097],
      [-1.26844, 2.60976, -0.34132],
      [-0.0042, -0.70342, 1.70761],
    ],
    cones.map((v) => v ** 3),
  ).map((v) => Math.max(0, Math.min(1, v)));
  return `rgb(${light.map((v) => Math.round(255 * (v <= 0.0031308 ? v * 12.92 : 1.055 * v ** (1 / 2.4) - 0.055)))})`;
}

// --- geometry ---------------------------------------------------------------------------------------------

/** Round values between two others, about n of them, with what to write there. */
function ticks([low, high], n) {
  const power = 10 ** Math.floor(Math.log10((high - low) / n));
  const step = power * [1, 2, 5, 10].find((m) => m * power * n >= 0.999 * (high - low));
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9)),
    found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++)
    found.push([i * step, Math.abs(i * step) < 1e7 ? number(i * step || 0, decimals) : number(i * step)]);
  return found;
}

/** A pair of axes: from data to pixels and back. */
class Box {
  constructor(left, top, width, height, x, y) {
    Object.assign(this, { left, top, width, height, x, y });
  }

  get scale() {
    return [this.width / (this.x[1] - this.x[0]), this.height / (this.y[1] - this.y[0])];
  }
  X(v) {
    return this.left + (v - this.x[0]) * this.scale[0];
  }
  Y(v) {
    return this.top + (this.y[1] - v) * this.scale[1];
  }
  holds(px, py) {
    return px >= this.left && px <= this.left + this.width && py >= this.top && py <= this.top + this.height;
  }
  data(px, py) {
    return this.clip([this.x[0] + (px - this.left) / this.scale[0], this.y[1] - (py - this.top) / this.scale[1]]);
  }
  clip(place) {
    return place.map((v, i) => Math.max((i ? this.y : this.x)[0], Math.min((i ? this.y : this.x)[1], v)));
  }

  frame(c, look, xName, yName, { whole = false, positive = false } = {}) {
    const { left, top, width, height } = this,
      bottom = top + height;
    for (const [v, words] of ticks(this.y, Math.max(4, height / 45))) {
      if (v < 0 && positive) continue;
      stroke(c, look.grid, 1, () =>
        line(c, [
          [left, this.Y(v)],
          [left + width, this.Y(v)],
        ]),
      );
      write(c, look, words, left - 7, this.Y(v), { align: "right" });
    }
    for (const [v, words] of ticks(this.x, Math.max(2, width / 85))) {
      if (whole && v % 1) continue;
      if (!whole)
        stroke(c, look.grid, 1, () =>
          line(c, [
            [this.X(v), top],
            [this.X(v), bottom],
          ]),
        );
      write(c, look, words, this.X(v), bottom + 15, { align: "center" });
    }
    stroke(c, look.quiet, 1, () =>
      line(c, [
        [left, top],
        [left, bottom],
        [left + width, bottom],
      ]),
    );
    write(c, look, xName, left + width / 2, bottom + 36, { align: "center", weight: 600, size: 15 });
    write(c, look, yName, Math.max(2, left - 50), top - 14, { weight: 600, size: 15 });
  }
}

/** Half-axes for one σ of a 2 × 2 covariance, and the angle of the longer one. */
function halfAxes(xx, xy, yy) {
  const middle = (xx + yy) / 2,
    reach = Math.hypot((xx - yy) / 2, xy);
  return [Math.sqrt(middle + reach), Math.sqrt(Math.max(0, middle - reach)), Math.atan2(2 * xy, xx - yy) / 2];
}

const bell = (s, x) => (s.weight * Math.exp((-0.5 * (x - s.x) ** 2) / s.xx)) / Math.sqrt(2 * Math.PI * s.xx);

/** Where two centres are equally near and no third one is nearer: segments inside the box. */
function borders(shapes, { x, y }) {
  return shapes.flatMap((a, i) =>
    shapes.slice(i + 1).flatMap((b) => {
      const mx = (a.x + b.x) / 2,
        my = (a.y + b.y) / 2,
        dx = a.y - b.y,
        dy = b.x - a.x;
      let low = -Infinity,
        high = Infinity;
      const keep = (slope, room) => {
        // slope · s <= room
        if (slope > 0) high = Math.min(high, room / slope);
        else if (slope < 0) low = Math.max(low, room / slope);
        else if (room < 0) low = Infinity;
      };
      (keep(dx, x[1] - mx), keep(-dx, mx - x[0]), keep(dy, y[1] - my), keep(-dy, my - y[0]));
      for (const c of shapes) {
        const ux = 2 * (c.x - a.x),
          uy = 2 * (c.y - a.y);
        if (c !== a && c !== b) keep(ux * dx + uy * dy, c.x ** 2 + c.y ** 2 - a.x ** 2 - a.y ** 2 - ux * mx - uy * my);
      }
      return low < high
        ? [
            [
              [mx + low * dx, my + low * dy],
              [mx + high * dx, my + high * dy],
            ],
          ]
        : [];
    }),
  );
}

/** Limits that hold the points, the starting means and, within reason, the final ellipses. */
export function limitsOf({ points }, recorded) {
  return [0, 1].map((axis) => {
    const [at, spread] = axis ? ["y", "yy"] : ["x", "xx"],
      values = points.map((p) => p[axis]);
    let low = values.reduce((a, b) => Math.min(a, b)),
      high = values.reduce((a, b) => Math.max(a, b));
    const least = low - 0.3 * (high - low),
      most = high + 0.3 * (high - low);
    const hold = (from, to) => ((low = Math.min(low, from)), (high = Math.max(high, to)));
    for (const run of recorded) {
      for (const s of run.shapes(0)) hold(s[at], s[at]);
      if (!run.hard)
        for (const s of run.shapes(run.last)) {
          const half = 2 * Math.sqrt(s[spread]);
          hold(Math.max(least, s[at] - half), Math.min(most, s[at] + half));
        }
    }
    const room = 0.05 * (high - low) || Math.max(Math.abs(low), 1) * 0.1;
    return [low - room, high + room];
  });
}

/** Limits of the objective. A start so poor that its first steps dwarf all the rest stays below them. */
export function climbLimits(runs) {
  const all = runs.map((run) => run.snapshots.map((s) => s.objective));
  const high = Math.max(...all.flat());
  const feet = all.map((values) => {
    const foot = Math.min(...values);
    const later = values.slice(1, Math.min(4, values.length - 1));
    return later.find((v) => v < high && v - foot > 0.92 * (high - foot)) ?? foot;
  });
  const low = Math.min(...feet);
  const room = Math.max(0.08 * (high - low), 1e-4 * Math.abs(high)) || 1; // no ticks of thirteen digits
  return [low - room, high + room];
}

// --- one picture: the points and components of a run, and its objective -------------------------------------

export class Panel {
  constructor(host) {
    this.root = make("div", "panel", host);
    const head = make("div", "head", this.root);
    [this.name, this.badge, this.legend] = ["name", "badge", "legend"].map((name) => make("span", name, head));
    this.canvas = make("canvas", "canvas", this.root, { role: "img" });
    this.tip = make("div", "tip", this.root, { role: "tooltip" });
    this.tip.hidden = true;
  }

  /** Give the canvas its size, and places to the picture and the objective: beside it, or below where it is narrow. */
  arrange(width, height, [x, y], ranges) {
    const beside = width >= 760,
      total = height + (beside ? 0 : 190),
      main = beside ? width * 0.62 : width;
    Object.assign(this, { width, height: total, ratio: window.devicePixelRatio || 1 });
    Object.assign(this.canvas, { width: Math.round(width * this.ratio), height: Math.round(total * this.ratio) });
    this.canvas.style.height = `${total}px`;
    this.box = new Box(62, 30, main - 76, height - 80, x, y);
    this.side = beside
      ? new Box(main + 84, 30, width - main - 98, height - 80, ...ranges)
      : new Box(84, height + 26, width - 98, 114, ...ranges);
  }

  draw(view) {
    const { run, h, look, tween } = view,
      c = (this.context ||= this.canvas.getContext("2d")),
      { t, colours } = run.at(h),
      { box } = this;
    const { flat } = run.data,
      part = tween * tween * (3 - 2 * tween),
      from = part < 1 ? run.shapes(t - 1) : null;
    Object.assign(this, { run, look });
    this.starts = run.shapes(0);
    this.shapes = run
      .shapes(t)
      .map((s, k) =>
        from
          ? Object.fromEntries(Object.entries(s).map(([key, v]) => [key, from[k][key] + part * (v - from[k][key])]))
          : s,
      );
    c.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    c.clearRect(0, 0, this.width, this.height);
    if (flat) this.histogram();
    box.frame(c, look, run.data.names[0], flat ? "density" : run.data.names[1], { positive: flat });
    this.canvas.dataset.axes = JSON.stringify(box);
    c.save();
    c.beginPath();
    c.rect(box.left, box.top, box.width, box.height);
    c.clip();
    if (flat) this.bars(c, look);
    this.dots(c, colours, view);
    if (run.hard && run.data.D === run.data.names.length)
      for (const ends of borders(this.shapes, box))
        stroke(c, look.quiet, 2, () => ends.forEach(([x, y]) => c.lineTo(box.X(x), box.Y(y))));
    if (flat && !run.hard) this.curves(c, look);
    if (!flat && !run.hard) this.shapes.forEach((s, k) => this.ellipse(c, look, s, k));
    if (!flat && view.ghost) run.shapes(run.last).forEach((s, k) => this.ellipse(c, look, s, k, true));
    this.centres(c, from ? t - 1 : t, view);
    c.restore();
    this.climb(c, from ? t - 1 + part : t, view);
  }

  /** One feature: how high the data and the curves go. */
  histogram() {
    const { box, run, shapes } = this,
      { points, N } = run.data,
      [low, high] = box.x;
    if (this.bins?.run !== run.data) {
      const bins = Math.max(8, Math.min(60, Math.round(3.2 * Math.cbrt(N)))),
        width = (high - low) / bins,
        heights = new Float64Array(bins);
      for (const [x] of points) heights[Math.min(bins - 1, Math.floor((x - low) / width))] += 1 / (N * width);
      this.bins = { run: run.data, heights, width };
    }
    const curve = run.hard ? [] : shapes.map((s) => shapes.reduce((sum, other) => sum + bell(other, s.x), 0));
    const top = Math.max(...this.bins.heights, ...curve);
    box.y = [-0.17 * top, 1.08 * top]; // the points have a strip of their own below zero
  }

  bars(c, look) {
    const { box, bins } = this;
    c.fillStyle = look.grid;
    bins.heights.forEach((v, i) =>
      c.fillRect(box.X(box.x[0] + i * bins.width), box.Y(v), bins.width * box.scale[0] - 1, box.Y(0) - box.Y(v)),
    );
  }

  curves(c, look) {
    const { box, shapes } = this;
    const curve = (height, ...style) =>
      stroke(
        c,
        style[0],
        style[1],
        () => {
          for (let px = 0; px <= box.width; px += 1.5)
            c.lineTo(box.left + px, box.Y(height(box.x[0] + px / box.scale[0])));
        },
        style[2],
        style[3],
      );
    curve((x) => shapes.reduce((sum, s) => sum + bell(s, x), 0), look.quiet, 7, [], 0.5);
    shapes.forEach((s, k) => curve((x) => bell(s, x), look.inks[k % 10], 2.8, DASHES[k % 10]));
  }

  /** Every point: grey, or the mix of its responsibilities on the marker of its likeliest component. */
  dots(c, colours, { look, flips, point }) {
    const { run, box } = this,
      { points, N, flat } = run.data,
      key = [run.id, colours, look.dark].join(),
      rims = N <= 5000;
    if (this.inked !== key) {
      const { K } = run,
        all = colours < 0 ? null : run.responsibilities(colours),
        labels = all && run.labels(colours);
      this.inked = key;
      this.inks = points.map((_, n) => {
        if (!all) return [0, look.points, look.points];
        const mixed = [0, 0, 0];
        for (let k = 0; k < K; k++) look.lab[k % 10].forEach((v, i) => (mixed[i] += all[n * K + k] * v));
        const [L, a, b] = mixed;
        return [labels[n], fromLab([L, a, b]), rims && fromLab([L + (look.dark ? 0.13 : -0.16), a, b])];
      });
    }
    const r = Math.max(1.8, Math.min(5, 5 * (300 / N) ** 0.25)),
      strip = box.Y(box.y[0] / 2);
    const place = (n) => [box.X(points[n][0]), flat ? strip : box.Y(points[n][1])];
    const ring = (n, width, size) => stroke(c, look.text, width, () => c.arc(...place(n), size, 0, 2 * Math.PI));
    c.lineWidth = 0.8;
    this.inks.forEach(([k, fill, rim], n) => {
      mark(c, k, ...place(n), colours < 0 ? 0.8 * r : r);
      c.fillStyle = fill;
      c.fill();
      c.strokeStyle = rim;
      if (rims) c.stroke();
    });
    for (const n of flips) ring(n, 1.5, r + 4);
    if (point !== null) ring(point, 2.5, r + 6);
  }

  ellipse(c, look, { x, y, xx, xy, yy }, k, ghost) {
    const { box } = this,
      [sx, sy] = box.scale,
      [long, short, turn] = halfAxes(xx * sx * sx, -xy * sx * sy, yy * sy * sy);
    const draw = (sigma, colour, ...style) =>
      stroke(
        c,
        colour,
        style[0],
        () => c.ellipse(box.X(x), box.Y(y), sigma * long, sigma * short, turn, 0, 2 * Math.PI),
        style[1],
        style[2],
      );
    if (ghost) return draw(2, look.inks[k % 10], 1.5, [2, 5]);
    draw(1, look.inks[k % 10], look.dark ? 1.6 : 1.2, [], look.dark ? 1 : 0.6); // fainter, it is lost in the dark
    draw(2, look.background, 5.5, [], 0.55);
    draw(2, look.inks[k % 10], 3, DASHES[k % 10]);
  }

  /** The way each mean has come, its numbered marker, and the crosses of a prediction. */
  centres(c, t, { look, crosses, focus }) {
    const { box, run, starts } = this,
      at = ({ x, y }) => [box.X(x), box.Y(y)];
    const way = [...Array(t + 1).keys()].map((s) => run.shapes(s)).concat([this.shapes]);
    const held = (kind, k) => focus?.kind === kind && focus.k === k;
    if (way.length > 2)
      starts.forEach((start, k) => {
        for (const [colour, width] of [
          [look.background, 4],
          [look.inks[k % 10], 1.8],
        ])
          stroke(c, colour, width, () =>
            line(
              c,
              way.map((shapes) => at(shapes[k])),
            ),
          );
        mark(c, k, ...at(start), 6); // an open marker: where it began
        c.fillStyle = look.background;
        c.fill();
        c.stroke();
      });
    this.shapes.forEach((shape, k) => {
      const [x, y] = at(shape);
      mark(c, k, x, y, 9);
      stroke(c, look.background, 6);
      c.fillStyle = look.colours[k % 10];
      c.fill();
      stroke(c, look.text, 2);
      if (held("mean", k)) stroke(c, look.text, 2, () => c.arc(...at(starts[k]), 17, 0, 2 * Math.PI));
    });
    this.shapes
      .map(at)
      .forEach(([x, y], k) => write(c, look, String(k), x + 13, y - 12, { weight: 700, size: 18, halo: 4.5 }));
    (crosses || []).forEach(([px, py], k) => {
      const [x, y] = at({ x: px, y: py });
      for (const [colour, width] of [
        [look.background, 7],
        [look.text, 3],
      ])
        stroke(c, colour, width, () => {
          for (const s of [-9, 9]) (c.moveTo(x - 9, y - s), c.lineTo(x + 9, y + s));
          if (held("cross", k)) (c.moveTo(x + 17, y), c.arc(x, y, 17, 0, 2 * Math.PI));
        });
      write(c, look, `?${k}`, x + 13, y + 12, { weight: 700, size: 18, halo: 4.5 });
    });
  }

  /** The objective: the way so far, and how it goes on. */
  climb(c, at, { run, look, hidden }) {
    const { side } = this;
    const bottom = side.top + side.height;
    const seen = Math.floor(at);
    const values = run.snapshots.map((s) => s.objective);
    const place = (i, v) => [side.X(i), side.Y(v)];
    const way = values.map((v, i) => place(i, v));
    const now = place(at, values[seen] + (at > seen ? (at - seen) * (values[seen + 1] - values[seen]) : 0));
    side.frame(c, look, "iteration", run.objective, { whole: true });
    this.canvas.dataset.objective = JSON.stringify(side);
    c.save();
    c.beginPath();
    c.rect(side.left, 0, this.width, bottom);
    c.clip();
    if (!hidden) stroke(c, look.quiet, 1.6, () => line(c, way), [2, 4]);
    stroke(c, look.text, 3, () => line(c, [...way.slice(0, seen + 1), now]));
    c.restore();
    if (way[0][1] > bottom) {
      const low = `▼ starts at ${number(values[0])}`; // in the corner that a rising curve leaves free
      write(c, look, low, side.left + side.width - 6, bottom - 12, { align: "right", halo: 4 });
    }
    mark(c, 0, now[0], Math.min(now[1], bottom), 6.5);
    c.fillStyle = look.text;
    c.fill();
    stroke(c, look.background, 2);
  }

  /** What lies under a pixel: a cross, a mean, a point or a component. */
  hit(px, py, crosses) {
    const { box, shapes, starts, run } = this,
      { points, flat } = run.data,
      strip = box.Y(box.y[0] / 2);
    const nearest = (places, reach, row) => {
      const far = places.map(([x, y]) => Math.hypot(box.X(x) - px, (row ?? box.Y(y)) - py));
      const least = far.reduce((best, v, i) => (v < far[best] ? i : best), 0);
      return far[least] < reach ? least : null;
    };
    if (!box.holds(px, py)) return null;
    const cross = crosses && nearest(crosses, 16),
      centres = (all) => all.map((s) => [s.x, s.y]);
    if (crosses && cross !== null) return { kind: "cross", k: cross };
    const mean = nearest(centres(shapes), 14) ?? nearest(centres(starts), 10),
      n = nearest(points, 9, flat ? strip : undefined);
    if (mean !== null) return { kind: "mean", k: mean };
    if (n !== null) return { kind: "point", n };
    const [x, y] = box.data(px, py),
      far = shapes.map((s) => {
        const dx = x - s.x,
          dy = y - s.y; // Mahalanobis distance
        return Math.sqrt(
          flat
            ? (dx * dx) / s.xx
            : (s.yy * dx * dx - 2 * s.xy * dx * dy + s.xx * dy * dy) / (s.xx * s.yy - s.xy * s.xy),
        );
      });
    const k = far.indexOf(Math.min(...far));
    return !run.hard && far[k] < 2.06 ? { kind: "ellipse", k } : null;
  }

  /** A point, mean or ellipse in words. */
  read({ kind, k, n }, h) {
    const { run } = this,
      { K } = run,
      { colours, t } = run.at(h);
    if (kind === "point") {
      const [x, y] = run.data.points[n],
        where = `Point ${n} at ${run.place({ x, y })}`;
      if (colours < 0) return `${where}: no colour yet; the first E-step gives it one.`;
      const shares = [...run.responsibilities(colours).subarray(n * K, (n + 1) * K)]
        .map((r, j) => [r, j])
        .sort((a, b) => b[0] - a[0]);
      return [where, ...shares.map(([r, j]) => `component ${j}: ${percent(r)}`)].join("\n");
    }
    const s = run.shapes(t)[k],
      who = `Component ${k} (${this.look.names[k % 10]})\n`;
    if (run.hard)
      return `${who}centre ${run.place(s)}` + (colours < 0 ? "" : `\n${count(run.counts(colours)[k], "point")}`);
    const [long, short, turn] = halfAxes(s.xx, s.xy, s.yy);
    return (
      `${who}weight ${percent(s.weight)}, mean ${run.place(s)}\n` +
      (run.data.flat
        ? `standard deviation ${number(long)}`
        : `1σ half-axes ${number(long)} and ${number(short)}, the longer turned ${number((turn * 180) / Math.PI, 0)}°`)
    );
  }
}

export function make(tag, name, host, attributes = {}, words) {
  const element = document.createElement(tag);
  element.className = name && `gmmt-${name}`;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (words != null) element.textContent = words;
  host?.append(element);
  return element;
}
