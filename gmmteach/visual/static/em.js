// EM for Gaussian mixtures and Lloyd's k-means, for any number of features: the formulas, the stopping rule
// and the numbers of gmmteach.em and gmmteach.kmeans (a test holds the two together). The numbers in
// brackets are equations of Bishop (2006), "Pattern Recognition and Machine Learning".
//
// X is a flat Float64Array, N rows of D numbers; responsibilities likewise, N rows of K.
// A mixture is {type, weights, means, covariances}: flat Float64Arrays in scikit-learn's shapes
// (covariances: full K·D·D, tied D·D, diag K·D, spherical K).

/** A covariance that is no longer positive definite; `component` is null when all of them share it. */
export class Collapse extends Error {
  constructor(component) {
    super("a covariance is not positive definite");
    this.component = component;
  }
}

/** Σ_k as D·D numbers, whatever the covariance type. */
export function covarianceOf({ type, covariances }, k, D) {
  if (type === "full") return covariances.subarray(k * D * D, (k + 1) * D * D);
  if (type === "tied") return covariances;
  const matrix = new Float64Array(D * D);
  for (let d = 0; d < D; d++) matrix[d * D + d] = type === "diag" ? covariances[k * D + d] : covariances[k];
  return matrix;
}

/** Lower triangular L with L Lᵀ = A, row after row; null when A is not positive definite. */
export function cholesky(A, D) {
  const L = new Float64Array(D * D);
  for (let i = 0; i < D; i++)
    for (let j = 0; j <= i; j++) {
      let sum = A[i * D + j];
      for (let m = 0; m < j; m++) sum -= L[i * D + m] * L[j * D + m];
      if (i !== j) L[i * D + j] = sum / L[j * D + j];
      else if (sum > 0 && sum < Infinity) L[i * D + i] = Math.sqrt(sum);
      else return null;
    }
  return L;
}

/** Responsibilities, r_nk = π_k N(x_n|μ_k,Σ_k) / Σ_j π_j N(x_n|μ_j,Σ_j) (9.23), and the log-likelihood (9.28). */
export function eStep(X, D, mixture) {
  const N = X.length / D, K = mixture.weights.length;
  const responsibilities = new Float64Array(N * K), y = new Float64Array(D);
  for (let k = 0; k < K; k++) {
    const L = cholesky(covarianceOf(mixture, k, D), D);
    if (!L) throw new Collapse(mixture.type === "tied" ? null : k);
    let constant = Math.log(mixture.weights[k]) - 0.5 * D * Math.log(2 * Math.PI);
    for (let d = 0; d < D; d++) constant -= Math.log(L[d * D + d]);
    for (let n = 0; n < N; n++) {
      let squared = 0; // (x - μ)ᵀ Σ⁻¹ (x - μ) = ‖y‖² where L y = x - μ (2.43)
      for (let i = 0; i < D; i++) {
        let sum = X[n * D + i] - mixture.means[k * D + i];
        for (let j = 0; j < i; j++) sum -= L[i * D + j] * y[j];
        y[i] = sum / L[i * D + i];
        squared += y[i] * y[i];
      }
      responsibilities[n * K + k] = constant - 0.5 * squared;
    }
  }
  let logLikelihood = 0;
  for (let n = 0; n < N; n++) { // the largest term is taken out first: no 0/0 far from every component
    const row = responsibilities.subarray(n * K, n * K + K);
    let largest = -Infinity, total = 0;
    for (let k = 0; k < K; k++) if (row[k] > largest) largest = row[k];
    for (let k = 0; k < K; k++) total += row[k] = Math.exp(row[k] - largest);
    for (let k = 0; k < K; k++) row[k] /= total;
    logLikelihood += largest + Math.log(total);
  }
  return { responsibilities, logLikelihood };
}

/** ln p(X | π, μ, Σ) = Σ_n ln Σ_k π_k N(x_n|μ_k,Σ_k) (9.28), in nats. */
export const logLikelihood = (X, D, mixture) => eStep(X, D, mixture).logLikelihood;

/** Weights, means and covariances that fit the responsibilities best: weighted averages, all of them. */
export function mStep(X, D, responsibilities, K, type, regCovar = 0) {
  const N = X.length / D, size = { full: K * D * D, tied: D * D, diag: K * D, spherical: K }[type];
  const counts = new Float64Array(K).fill(10 * Number.EPSILON); // the library's trifle against 0/0
  const means = new Float64Array(K * D), covariances = new Float64Array(size), x = new Float64Array(D);
  for (let n = 0; n < N; n++)
    for (let k = 0; k < K; k++) {
      const r = responsibilities[n * K + k];
      counts[k] += r; // N_k = Σ_n r_nk (9.27)
      for (let d = 0; d < D; d++) means[k * D + d] += r * X[n * D + d];
    }
  const total = counts.reduce((sum, count) => sum + count);
  const weights = counts.map((count) => count / total); // π_k = N_k / N (9.26)
  for (let k = 0; k < K; k++) {
    for (let d = 0; d < D; d++) means[k * D + d] /= counts[k]; // μ_k = Σ_n r_nk x_n / N_k (9.24)
    for (let n = 0; n < N; n++) { // Σ_k = Σ_n r_nk (x_n - μ_k)(x_n - μ_k)ᵀ / N_k (9.25), about the new mean
      const r = responsibilities[n * K + k];
      for (let d = 0; d < D; d++) x[d] = X[n * D + d] - means[k * D + d];
      for (let i = 0; i < D; i++)
        if (type === "full")
          for (let j = 0; j < D; j++) covariances[(k * D + i) * D + j] += (r * x[i] * x[j]) / counts[k];
        else if (type === "tied")
          for (let j = 0; j < D; j++) covariances[i * D + j] += (r * x[i] * x[j]) / total; // pooled
        else if (type === "diag") covariances[k * D + i] += (r * x[i] * x[i]) / counts[k];
        else covariances[k] += (r * x[i] * x[i]) / counts[k] / D; // spherical: averaged over the features
    }
  }
  const matrices = type === "full" || type === "tied"; // reg_covar goes on the diagonal
  for (let i = 0; i < size; i++) if (!matrices || (i % (D * D)) % (D + 1) === 0) covariances[i] += regCovar;
  return { type, weights, means, covariances };
}

/** EM: yields {mixture, objective, responsibilities} for ever, the start first; the objective is (9.28). */
export function* em(X, D, mixture, regCovar = 0) {
  for (;;) {
    const { responsibilities, logLikelihood } = eStep(X, D, mixture);
    if (!Number.isFinite(logLikelihood)) throw new Collapse(null);
    yield { mixture, objective: logLikelihood, responsibilities };
    mixture = mStep(X, D, responsibilities, mixture.weights.length, mixture.type, regCovar);
  }
}

/** Every point wholly to its nearest centre (9.2), the first of equals; and the inertia (9.1). */
export function assign(X, D, centres) {
  const N = X.length / D, K = centres.length / D;
  const responsibilities = new Float64Array(N * K), distances = new Float64Array(N), labels = new Int32Array(N);
  for (let n = 0; n < N; n++) {
    distances[n] = Infinity;
    for (let k = 0; k < K; k++) {
      let squared = 0;
      for (let d = 0; d < D; d++) squared += (X[n * D + d] - centres[k * D + d]) ** 2;
      if (squared < distances[n]) [distances[n], labels[n]] = [squared, k];
    }
    responsibilities[n * K + labels[n]] = 1;
  }
  return { responsibilities, labels, distances, inertia: distances.reduce((sum, d2) => sum + d2, 0) };
}

/** k-means (Lloyd 1982), in the shape of EM: the objective is minus the inertia, the mixture round and equal. */
export function* lloyd(X, D, centres) {
  const N = X.length / D, K = centres.length / D;
  for (;;) {
    const { responsibilities, labels, distances, inertia } = assign(X, D, centres);
    const mixture = { type: "spherical", weights: new Float64Array(K).fill(1 / K), means: centres };
    mixture.covariances = new Float64Array(K).fill(inertia / (N * D) || Number.EPSILON);
    yield { mixture, objective: -inertia, responsibilities };
    const counts = new Int32Array(K);
    for (const label of labels) counts[label]++;
    const empty = [...counts.keys()].filter((k) => counts[k] === 0); // each of these takes the farthest point left
    const farthest = empty.length && inertia ? [...distances.keys()].sort((a, b) => distances[b] - distances[a]) : [];
    for (const [i, k] of empty.entries())
      if (i < farthest.length) (counts[labels[farthest[i]]]--, (labels[farthest[i]] = k), (counts[k] = 1));
    centres = new Float64Array(K * D); // a centre moves to the mean of its points (9.4)
    for (let n = 0; n < N; n++)
      for (let d = 0; d < D; d++) centres[labels[n] * D + d] += X[n * D + d] / counts[labels[n]];
    const largest = counts.indexOf(Math.max(...counts)); // nothing left to give: join the largest cluster
    for (let k = 0; k < K; k++) if (!counts[k]) centres.copyWithin(k * D, largest * D, (largest + 1) * D);
  }
}

/** The fitting loop of Trace.record: yields snapshots until they settle and returns {name, component}. */
export function* record(algorithm, N, tol = 1e-3, maxIter = 100) {
  const seen = [];
  try {
    for (const snapshot of algorithm) {
      yield snapshot;
      seen.push(snapshot.objective);
      const [before, after] = seen.slice(-3); // the rule looks at the objective before the latest M-step
      if (seen.length > 2 && Math.abs(after - before) / N < tol)
        return { name: after < before - 1e-12 * Math.abs(after) ? "decreased" : "converged" };
      if (seen.length > maxIter) return { name: "out of iterations" };
    }
  } catch (error) {
    if (!(error instanceof Collapse)) throw error;
    return { name: "collapsed", component: error.component };
  }
}
