import { assign, covarianceOf, eStep } from "./em.js";

// What the player knows: the data and where they lie in the picture, the runs, and how to put both into words.
//
// The position h counts half-steps: 0 is the start, uncoloured; 2t + 1 is the E-step with the parameters of
// snapshot t; 2t + 2 is the M-step: the parameters of snapshot t + 1, and still the colours of snapshot t.

// --- words ------------------------------------------------------------------------------------------------

const thousands = (text) => text.replace(/-/g, "−").replace(/\d+/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ","));
export const count = (n, noun) => `${thousands(String(n))} ${noun}${n === 1 ? "" : "s"}`;

export function percent(share) {
  if (share > 0 && share < 0.0005) return "<0.1 %"; // neither a false nothing
  if (share < 1 && share >= 0.9995) return ">99.9 %"; // nor a false all
  return `${(100 * share).toFixed((share > 0 && share < 0.0995) || (share > 0.995 && share < 1) ? 1 : 0)} %`;
}

export function number(value, decimals) {
  const size = Math.abs(value);
  if (size >= 1e7 || (size > 0 && size < 1e-4)) return thousands(value.toPrecision(3));
  return thousands(value.toFixed(decimals ?? (size >= 100 ? 1 : size >= 1 || size === 0 ? 2 : 4)));
}

// --- data and runs ----------------------------------------------------------------------------------------

/** Binary data as numbers, however it arrived. */
const floats = (value) =>
  new Float64Array(
    ArrayBuffer.isView(value) ? value.buffer.slice(value.byteOffset, value.byteOffset + value.byteLength) : value,
  );

/** One data set, and where its points lie in the picture. */
export class Data {
  constructor({ X, axes, origin, names }) {
    Object.assign(this, { X: floats(X), axes: floats(axes), origin: floats(origin), names });
    const D = (this.D = this.origin.length),
      N = (this.N = this.X.length / D);
    this.flat = this.axes.length === D; // one axis: the points lie on a line
    this.points = Array.from({ length: N }, (_, n) => this.project(this.X.subarray(n * D, (n + 1) * D)));
    this.order = [...this.points.keys()].sort((a, b) => this.points[a][0] - this.points[b][0]);
    const mean = new Float64Array(D);
    this.X.forEach((v, i) => (mean[i % D] += v / N));
    this.variances = new Float64Array(D);
    this.X.forEach((v, i) => (this.variances[i % D] += (v - mean[i % D]) ** 2 / N));
  }

  project(x) {
    const place = [0, 0];
    this.axes.forEach((a, i) => (place[i < this.D ? 0 : 1] += a * (x[i % this.D] - this.origin[i % this.D])));
    return place;
  }

  /** As wide as all the data, for each of K components, and with no slant. */
  // With the slant of all the data, components tend to keep it, one over the other: of 50 random starts on Old
  // Faithful 4 to 17 then reach the best peak, and 39 to 46 without it.
  spread(type, K, regCovar) {
    const { D } = this,
      diag = this.variances.map((v) => v + regCovar);
    const full = Float64Array.from({ length: D * D }, (_, i) => (i % (D + 1) ? 0 : diag[i % D]));
    const one = { full, tied: full, diag, spherical: [diag.reduce((a, b) => a + b) / D] }[type];
    return Float64Array.from({ length: type === "tied" ? D * D : K * one.length }, (_, i) => one[i % one.length]);
  }

  /** K points far apart, picked as k-means++ does (Arthur & Vassilvitskii 2007), in units of each feature's spread. */
  seeds(K, seed) {
    const { X, D, N, variances } = this,
      means = new Float64Array(K * D),
      nearest = new Float64Array(N).fill(1);
    const random = () => {
      // mulberry32
      let t = (seed = (seed + 0x6d2b79f5) | 0);
      t = Math.imul(t ^ (t >>> 15), t | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    };
    for (let k = 0; k < K; k++) {
      let left = random() * nearest.reduce((a, b) => a + b),
        chosen = 0;
      while (chosen < N - 1 && (left -= nearest[chosen]) > 0) chosen++;
      means.set(X.subarray(chosen * D, (chosen + 1) * D), k * D);
      for (let n = 0; n < N; n++) {
        let squared = 0;
        for (let d = 0; d < D; d++) squared += (X[n * D + d] - means[k * D + d]) ** 2 / (variances[d] || 1);
        nearest[n] = k ? Math.min(nearest[n], squared) : squared;
      }
    }
    return means;
  }
}

let runs = 0;

/** One run: its snapshots, and what a picture or a sentence asks of them. */
export class Run {
  constructor(about, data, snapshots) {
    Object.assign(this, { about, data, snapshots, hard: about.hard, id: ++runs, cache: new Map(), placed: [] });
    this.objective = about.objective_name[0].toUpperCase() + about.objective_name.slice(1);
  }

  static decode(about, data) {
    const [objective, ...parts] = [about.objective, about.weights, about.means, about.covariances].map(floats),
      T = objective.length;
    return new Run(
      about,
      data,
      Array.from(objective, (value, t) => {
        const [weights, means, covariances] = parts.map((all) =>
          all.subarray((t * all.length) / T, ((t + 1) * all.length) / T),
        );
        return { objective: value, mixture: { type: about.type, weights, means, covariances } };
      }),
    );
  }

  encode() {
    const join = (pick) => Float64Array.from(this.snapshots.flatMap((s) => [...pick(s)])).buffer;
    const parts = ["weights", "means", "covariances"].map((name) => [name, join((s) => s.mixture[name])]);
    return { ...this.about, objective: join((s) => [s.objective]), ...Object.fromEntries(parts) };
  }

  get last() {
    return this.snapshots.length - 1;
  }
  get end() {
    return 2 * this.last + 1;
  }
  get K() {
    return this.snapshots[0].mixture.weights.length;
  }
  get running() {
    return !this.about.outcome;
  }

  /** What position h shows: the snapshot of the parameters and that of the colours (-1: none yet). */
  at(h) {
    const here = Math.min(h, this.end);
    return { h: here, t: here >> 1, colours: here ? (here - 1) >> 1 : -1, isE: here % 2 === 1 };
  }

  responsibilities(t) {
    if (!this.cache.has(t)) {
      const { X, D } = this.data,
        { mixture } = this.snapshots[t];
      if (this.cache.size > 3) this.cache.clear();
      this.cache.set(t, (this.hard ? assign(X, D, mixture.means) : eStep(X, D, mixture)).responsibilities);
    }
    return this.cache.get(t);
  }

  /** The likeliest component of every point. */
  labels(t) {
    const all = this.responsibilities(t),
      { K } = this;
    return this.data.points.map((_, n) => {
      let best = 0;
      for (let k = 1; k < K; k++) if (all[n * K + k] > all[n * K + best]) best = k;
      return best;
    });
  }

  /** Effective numbers of points, N_k. */
  counts(t) {
    const counts = new Float64Array(this.K);
    this.responsibilities(t).forEach((r, i) => (counts[i % this.K] += r));
    return counts;
  }

  /** What E-step t brings about: [point, from, to] for each label that flips, and the components that run dry. */
  events(t) {
    const few = (s) => [...this.counts(s)].map((n) => n < this.data.D + 1);
    const before = t ? this.labels(t - 1) : null,
      now = this.labels(t),
      already = t ? few(t - 1) : [];
    return {
      flips: now.flatMap((to, n) => (before && before[n] !== to ? [[n, before[n], to]] : [])),
      dry: few(t).flatMap((is, k) => (is && !already[k] ? [k] : [])),
    };
  }

  /** Where the components lie in the picture: centre, covariance, weight. */
  shapes(t) {
    return (this.placed[t] ||= this.locate(t));
  }

  locate(t) {
    const { data } = this,
      { D, axes, flat } = data,
      { mixture } = this.snapshots[t];
    return Array.from(mixture.weights, (weight, k) => {
      const [x, y] = data.project(mixture.means.subarray(k * D, (k + 1) * D)),
        S = covarianceOf(mixture, k, D);
      const entry = (p, q) =>
        S.reduce((sum, v, i) => sum + axes[p * D + Math.floor(i / D)] * v * axes[q * D + (i % D)], 0);
      return { x, y, weight, xx: entry(0, 0), xy: flat ? 0 : entry(0, 1), yy: flat ? 0 : entry(1, 1) };
    });
  }

  place({ x, y }) {
    return this.data.flat ? number(x) : `(${number(x)}, ${number(y)})`;
  }

  stepName(h) {
    const { t, isE } = this.at(h);
    if (!h) return "Start";
    return `${this.hard ? (isE ? "Assign" : "Move") : isE ? "E-step" : "M-step"} ${isE ? `${t + 1}: recolour` : `${t}: move`}`;
  }

  /** Why and where the run ends. */
  ending() {
    const { name, component } = this.about.outcome,
      steps = count(this.last, "iteration");
    const value = `${this.about.objective_name} ${number(this.snapshots[this.last].objective, 2)}`;
    if (name === "collapsed")
      return (
        `The run ends after ${steps} at ${value}: ${component == null ? "the covariance of the components" : `component ${component}`} ` +
        "collapsed, for too few distinct points were left to it. Try another start, fewer components, a covariance type with fewer " +
        "parameters or a larger reg_covar."
      );
    const how = { converged: "converges", decreased: "stops, as the objective fell a little," }[name] || "is stopped";
    return `The run ${how} after ${steps} at ${value}.`;
  }

  /** The picture at position h in words. */
  describe(h, withEnding) {
    const { t, isE, colours } = this.at(h),
      { objective } = this.snapshots[t];
    const step = this.hard ? (isE ? "assign step" : "move step") : isE ? "E-step" : "M-step",
      moved = h && !isE;
    const gain = moved ? objective - this.snapshots[t - 1].objective : 0;
    const words = [
      h ? `After ${step} ${isE ? t + 1 : t} of ${this.last + (isE ? 1 : 0)}.` : "Start: the points have no colour yet.",
      `${this.objective} ${number(objective, 2)}` +
        (moved
          ? ` (${gain < 0 ? "" : "+"}${number(gain, Math.abs(gain) < 0.1 ? 4 : 2)}).`
          : h
            ? " (unchanged, for nothing moved)."
            : "."),
    ];
    const members = this.hard && colours >= 0 ? this.counts(colours) : null;
    this.shapes(t).forEach((shape, k) => {
      const share = members ? `${count(members[k], "point")}, ` : this.hard ? "" : `weight ${percent(shape.weight)}, `;
      words.push(`Component ${k}: ${share}centre ${this.place(shape)}.`);
    });
    if (h && isE) words.push(...this.news(t));
    if (withEnding && !this.running) words.push(this.ending());
    if (h > this.end) words.push("Finished: it holds here.");
    return words.join(" ");
  }

  news(t) {
    const { flips, dry } = this.events(t),
      few = this.data.D + 1,
      words = [];
    if (flips.length === 1) words.push(`Point ${flips[0][0]} flips from component ${flips[0][1]} to ${flips[0][2]}.`);
    else if (flips.length) words.push(`${count(flips.length, "point")} change component.`);
    for (const k of dry)
      words.push(
        `Component ${k} is down to ${number(this.counts(t)[k], 1)} effective points, fewer than D + 1 = ${few}.`,
      );
    return words;
  }
}
