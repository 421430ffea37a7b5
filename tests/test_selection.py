"""`select`: every cell is the fit one would make by hand, what fails is a row, and the grid shows itself."""

from __future__ import annotations

import builtins
import html.parser
import io
import pickle
import re
import sys
import time
import warnings
from typing import Any

import numpy as np
import pandas
import pytest
from joblib import parallel_config
from matplotlib import pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal

import gmmteach.starts
from gmmteach import GaussianMixture, Mixture, Selection, select
from gmmteach.datasets import load_faithful, load_penguins
from gmmteach.progress import Progress
from gmmteach.selection import grid
from gmmteach.visual import theme
from gmmteach.visual.grid import TYPES, plot_selection
from gmmteach.visual.words import check_alt

COLUMNS = (
    *("n_components", "covariance_type", "log_likelihood", "n_parameters", "aic", "bic", "icl"),
    *("converged", "n_iter", "outcome", "error", "warnings"),
)


@pytest.fixture(scope="module")
def faithful() -> Any:
    return load_faithful().data


@pytest.fixture(scope="module")
def selection(faithful: Any) -> Selection:
    return select(faithful, range(1, 5), random_state=0)


@pytest.fixture(scope="module")
def broken() -> Selection:
    """Four points on one spot, with nothing to hold a variance up: most fits collapse; 7 and 8 are too many."""
    X = np.vstack([np.random.RandomState(0).normal(0, 1, (3, 2)), np.full((4, 2), 9.0)])
    return select(X, [1, 2, 7, 8], random_state=0, reg_covar=0)


def row(selection: Selection, n_components: int, covariance_type: str) -> dict[str, Any]:
    wanted = (n_components, covariance_type)
    (found,) = [r for r in selection.table if (r["n_components"], r["covariance_type"]) == wanted]
    return found


# --- every cell is the fit by hand ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"n_init": 3, "tol": 1e-5},
        {"init_params": "random", "n_init": 2},
        {"init_params": "k-means++"},
        {"init_params": "random_from_data", "reg_covar": 1e-2},
        {"init_params": lambda X, K, rng: rng.permutation(np.arange(len(X)) % K), "n_init": 2},
    ],
    ids=["kmeans", "three starts", "random", "k-means++", "random_from_data", "function"],
)
def test_every_cell_is_the_fit_by_hand(faithful: Any, options: dict[str, Any]) -> None:
    X = faithful[::2]
    chosen = select(X, (1, 3), random_state=5, **options)
    assert [(r["n_components"], r["covariance_type"]) for r in chosen.table] == [(K, t) for K in (1, 3) for t in TYPES]
    for record in chosen.table:
        kind, size = record["covariance_type"], record["n_components"]
        by_hand = GaussianMixture(size, covariance_type=kind, random_state=5, **options)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            by_hand.fit(X)
        model = chosen.model(size, kind)
        assert_array_equal(model.means_, by_hand.means_)
        assert_array_equal(model.covariances_, by_hand.covariances_)
        assert_array_equal(model.trace_.objective, by_hand.trace_.objective)
        assert_array_equal(model.trace_.X, X)
        assert len(model.traces_) == len(by_hand.traces_)
        assert str(model.get_params()) == str(by_hand.get_params())
        assert tuple(record) == COLUMNS
        assert (record["aic"], record["bic"], record["icl"]) == (by_hand.aic(X), by_hand.bic(X), by_hand.icl(X))
        assert record["log_likelihood"] == pytest.approx(by_hand.score(X) * len(X), rel=1e-12)
        assert record["n_parameters"] == by_hand.mixture_.n_parameters
        assert record["n_iter"] == by_hand.n_iter_
        assert (record["converged"], record["outcome"]) == (by_hand.converged_, by_hand.trace_.outcome)
        assert record["error"] is None
        assert record["warnings"] == tuple(str(warning.message) for warning in caught)


def test_weights_reach_start_fit_and_criteria(faithful: Any) -> None:
    weights = np.random.RandomState(0).randint(0, 3, len(faithful)).astype(float)
    chosen = select(faithful, 3, sample_weight=weights, random_state=1, covariance_types="full")
    by_hand = GaussianMixture(3, random_state=1).fit(faithful, sample_weight=weights)
    assert_array_equal(chosen.best_.means_, by_hand.means_)
    assert_array_equal(chosen.best_.trace_.X, faithful[weights > 0])
    assert row(chosen, 3, "full")["bic"] == by_hand.bic(faithful, weights)
    assert row(chosen, 3, "full")["log_likelihood"] == pytest.approx(by_hand.trace_.objective[-1], rel=1e-12)


def test_missing_values_and_names_pass_through() -> None:
    frame = pandas.DataFrame(load_penguins().data[:80, :2], columns=["length", "depth"])
    assert frame.isna().to_numpy().any()
    chosen = select(frame, 2, missing="marginalize", random_state=0, covariance_types=["diag", "full"])
    by_hand = GaussianMixture(2, missing="marginalize", random_state=0).fit(frame)
    assert_allclose(chosen.model(2, "full").means_, by_hand.means_, rtol=1e-12)
    assert list(chosen.best_.feature_names_in_) == ["length", "depth"]
    chosen.best_.predict(frame)  # with the same names: no warning
    with pytest.raises(ValueError, match="feature 'length' is missing in 1 of 80 samples"):
        select(frame, 2)


def test_a_start_for_one_size_only_fails_for_the_others(faithful: Any) -> None:
    mixture = GaussianMixture(2, random_state=0).fit(faithful).mixture_
    chosen = select(faithful, [2, 3], init_params=mixture, covariance_types="full")
    assert [r["outcome"] for r in chosen.table] == ["converged", "failed"]
    assert "has 2 components" in row(chosen, 3, "full")["error"]
    assert chosen.best_.init_params is mixture


# --- starts are shared -----------------------------------------------------------------------------------------


def test_k_means_runs_once_for_a_column(faithful: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = []

    class Counted(gmmteach.starts.KMeans):  # type: ignore[misc, name-defined]
        def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
            runs.append(self.n_clusters)
            return super().fit(X, sample_weight=sample_weight)

    monkeypatch.setattr(gmmteach.starts, "KMeans", Counted)
    select(faithful, (2, 3), n_init=2, random_state=0)
    assert runs == [2, 2, 3, 3]


def test_fits_of_a_column_start_from_the_same_means(faithful: Any) -> None:
    for options in ({}, {"init_params": "random"}, {"init_params": "random_from_data"}):
        chosen = select(faithful, (2, 4), n_init=2, **options)  # no seed: one is drawn, for all
        for size in (2, 4):
            models = [chosen.model(size, kind) for kind in TYPES]
            for run in (0, 1):
                starts = [model.traces_[run][0].mixture for model in models]
                for start in starts[1:]:
                    assert_allclose(start.means, starts[0].means, rtol=1e-12)
                    assert_allclose(start.weights, starts[0].weights, rtol=1e-12)
        assert not np.allclose(models[0].traces_[0].means[0], models[0].traces_[1].means[0])  # K = 4 has many starts
        assert len({model.random_state for model in models}) == 1


def test_a_function_that_gives_starts_is_asked_once_for_each(faithful: Any) -> None:
    asked = []

    def start(X: Any, n_components: int, rng: Any) -> Any:
        asked.append(n_components)
        return np.arange(len(X)) % n_components

    select(faithful, (1, 2), n_init=2, init_params=start, random_state=0)
    assert asked == [1, 1, 2, 2]


# --- failures are rows -----------------------------------------------------------------------------------------


def test_a_collapse_is_a_row_with_its_reason(broken: Selection) -> None:
    record = row(broken, 2, "full")
    assert record["outcome"] == "collapsed"
    assert "The covariance of component" in record["error"]
    assert record["n_parameters"] == 11
    assert (record["bic"], record["log_likelihood"], record["converged"], record["n_iter"]) == (None, None, False, 0)
    with pytest.raises(ValueError, match="The fit of 2 × 'full' failed: Fitting the mixture model failed"):
        broken.model(2, "full")


def test_a_collapse_on_the_way_says_how_far_it_came() -> None:
    X = np.vstack([np.random.RandomState(1).normal(0, 1, (30, 2)), [[9.0, 9.0], [9.0, 9.0]]])
    start = np.column_stack([np.linspace(1, 0.9, 32), np.linspace(0, 0.1, 32)])
    start[-2:] = [0.1, 0.9]
    record = select(X, 2, covariance_types="full", init_params=start, reg_covar=0, max_iter=500, tol=0).table[0]
    with pytest.raises(ValueError, match="Fitting") as caught:
        GaussianMixture(2, init_params=start, reg_covar=0, max_iter=500, tol=0).fit(X)
    assert record["outcome"] == "collapsed"
    assert record["n_iter"] == caught.value.trace[-1].iteration > 0  # type: ignore[attr-defined]
    assert record["error"] == str(caught.value)


def test_more_components_than_points_is_a_row(broken: Selection) -> None:
    for kind in TYPES:
        record = row(broken, 8, kind)
        assert record["outcome"] == "failed"
        assert record["error"] == "Expected n_samples >= n_components but got n_components = 8, n_samples = 7"


def test_warnings_are_kept_in_the_row_and_not_given(broken: Selection, faithful: Any) -> None:
    record = select(faithful, 3, covariance_types="full", max_iter=2, random_state=0).table[0]
    assert (record["outcome"], record["converged"], record["n_iter"]) == ("out of iterations", False, 2)
    assert record["bic"] > 0
    assert [text[:40] for text in record["warnings"]] == ["Best performing initialization did not c"]
    # k-means finds four of the seven points on one spot: all four fits that start from it hear of that
    assert all("distinct clusters" in row(broken, 7, kind)["warnings"][0] for kind in TYPES)


def test_nothing_is_best_when_all_failed() -> None:
    chosen = select(np.zeros((3, 1)), [4, 5], covariance_types="diag")
    with pytest.raises(ValueError, match=r"None of 2 fits .* 4 × 'diag', said: Expected n_samples >= n_components"):
        chosen.best_  # noqa: B018
    assert repr(chosen).startswith("2 fits, all failed\nFailed: 4 × 'diag', 5 × 'diag'. The first said: Expected")
    assert "all failed" in chosen._repr_html_()
    drawn = chosen.plot()
    drawn.figure.canvas.draw()
    assert "2 fits failed" in drawn.alt


def test_a_mistake_in_a_users_function_is_raised(faithful: Any) -> None:
    def start(X: Any, n_components: int, rng: Any) -> Any:
        raise TypeError("my own mistake")

    with pytest.raises(TypeError, match="my own mistake"):
        select(faithful, 2, init_params=start)
    # joblib loses an error that comes while it asks for work; threads do here, processes are slow to begin
    with parallel_config("threading"), pytest.raises(TypeError, match="my own mistake"):
        select(faithful, 2, init_params=start, n_jobs=2)


# --- the best --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("criterion", ["aic", "bic", "icl"])
def test_the_best_has_the_least_criterion(selection: Selection, faithful: Any, criterion: str) -> None:
    chosen = selection.by(criterion)
    assert chosen.criterion == criterion
    least = min(record[criterion] for record in chosen.table)
    assert getattr(chosen.best_, criterion)(faithful) == least
    assert select(faithful, range(1, 5), criterion=criterion, random_state=0).best_.get_params() == (
        chosen.best_.get_params()
    )
    assert chosen.table == selection.table


def test_criteria_disagree_here(selection: Selection) -> None:
    best = {name: selection.by(name).best_ for name in ("aic", "bic", "icl")}
    assert len({(model.n_components, model.covariance_type) for model in best.values()}) > 1


def test_of_equals_the_first_is_best(faithful: Any) -> None:
    chosen = select(faithful, 1, covariance_types=("tied", "full"))
    assert row(chosen, 1, "tied")["bic"] == pytest.approx(row(chosen, 1, "full")["bic"], rel=1e-9)
    assert chosen.best_.covariance_type == "tied"
    assert select(faithful, 1).best_.covariance_type == "full"


# --- the same every time ----------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same(selection: Selection, faithful: Any) -> None:
    assert select(faithful, range(1, 5), random_state=0).table == selection.table
    first, second = (select(faithful, [4], random_state=np.random.RandomState(3), n_init=2) for _ in range(2))
    assert first.table == second.table
    assert first.best_.random_state == np.random.RandomState(3).randint(np.iinfo(np.int32).max)


def test_processes_give_the_same(faithful: Any) -> None:
    X = np.repeat(faithful, 260, axis=0)  # over a megabyte: joblib shares it between processes through a file
    assert X.nbytes > 1 << 20
    options: dict[str, Any] = {"covariance_types": ("full", "diag"), "random_state": 0, "max_iter": 3}
    alone, together = select(X, (1, 2), **options), select(X, (1, 2), n_jobs=2, **options)
    assert together.table == alone.table
    for K, kind in ((1, "diag"), (2, "full")):
        assert_array_equal(together.model(K, kind).trace_.means, alone.model(K, kind).trace_.means)
    for chosen in (alone, together):  # one copy of the data for all fits
        traces = [trace for K in (1, 2) for trace in chosen.model(K, "full").traces_]
        assert all(trace.X is traces[0].X for trace in traces)
        assert type(traces[0].X) is np.ndarray
        assert_array_equal(traces[0].X, X)


def test_a_selection_can_be_kept(selection: Selection) -> None:
    again = pickle.loads(pickle.dumps(selection))
    assert again.table == selection.table
    assert repr(again) == repr(selection)
    selection.table[0]["bic"] = -1e9  # a copy: what was measured stays
    assert selection.table == again.table


# --- arguments --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"n_components": []}, ValueError, r"at least one number, and none below 1, but it is \[\]"),
        ({"n_components": [0, 1]}, ValueError, "none below 1"),
        ({"n_components": 2.5}, TypeError, r"whole number or several, such as range\(1, 10\), but it is 2.5"),
        ({"n_components": ["2"]}, TypeError, "whole number"),
        ({"covariance_types": ()}, ValueError, "names no covariance type"),
        ({"covariance_types": ("full", "round")}, ValueError, "covariance_type is 'round', but it must be one of"),
        ({"criterion": "cv"}, ValueError, "criterion is 'cv', but it must be one of aic, bic, icl"),
        ({"covariance_type": "full"}, TypeError, "takes covariance_types, in the plural"),
        ({"warm_start": True}, TypeError, "takes no warm_start"),
        ({"n_init": 0}, ValueError, "'n_init' parameter"),
        ({"tol": -1}, ValueError, "'tol' parameter"),
        ({"speed": 9}, TypeError, "unexpected keyword argument 'speed'"),
        ({"X": [[0.0, np.nan], [1.0, 1.0]]}, ValueError, "feature 1 is missing in 1 of 2 samples"),
        ({"X": [1.0, 2.0]}, ValueError, "Expected 2D array"),
        ({"X": [[1.0]]}, ValueError, "minimum of 2 is required"),
        ({"sample_weight": np.zeros(272)}, ValueError, "every sample_weight is 0|at least one non-zero"),
        ({"sample_weight": np.ones(3)}, ValueError, r"sample_weight.shape == \(3,\)"),
        ({"sample_weight": -np.ones(272)}, ValueError, "[Nn]egative"),
        ({"random_state": "seed"}, ValueError, "'seed' cannot be used to seed"),
    ],
)
def test_what_makes_no_sense_is_refused(
    faithful: Any, wrong: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        select(**({"X": faithful} | wrong))


def test_sizes_are_sorted_and_types_keep_their_order(faithful: Any) -> None:
    chosen = select(faithful, (2, 1, 2), covariance_types=("diag", "full", "diag"), random_state=0)
    assert [(r["n_components"], r["covariance_type"]) for r in chosen.table] == [
        *((1, "diag"), (1, "full"), (2, "diag"), (2, "full"))
    ]
    with pytest.raises(ValueError, match="There is no fit of 3 × 'full' in this grid"):
        chosen.model(3, "full")
    with pytest.raises(ValueError, match="criterion is 'likelihood'"):
        chosen.by("likelihood")


# --- showing itself ----------------------------------------------------------------------------------------------


def test_the_frame(selection: Selection, broken: Selection, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = selection.as_frame()
    assert tuple(frame.columns) == COLUMNS
    assert len(frame) == 16
    assert frame.bic.idxmin() == next(i for i, r in enumerate(selection.table) if "★" in repr_row(selection, r))
    assert broken.as_frame().bic.dtype == float  # None is NaN there
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "pandas":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"as_frame needs pandas, .* \.table has the same records"):
        selection.as_frame()


def repr_row(selection: Selection, record: dict[str, Any]) -> str:
    pattern = rf"\b{record['n_components']}  {record['covariance_type']}\b"
    return next((line for line in repr(selection).splitlines() if re.search(pattern, line)), "")


def test_the_text(selection: Selection, broken: Selection) -> None:
    lines = repr(selection).splitlines()
    assert lines[0] == "16 fits by BIC: the less, the better"
    assert lines[1].split() == [
        *("components", "covariance", "log-likelihood", "parameters", "AIC", "BIC", "ICL", "outcome")
    ]
    assert lines[2].split() == ["★", "2", "full", "−1130.3", "11", "2282.5", "2322.2", "2323.6", "converged"]
    assert [line.startswith("★") for line in lines].count(True) == 1
    shown = [float(line[2:].split()[5]) for line in lines[2:12]]
    assert shown == sorted(shown)
    assert lines[12:] == ["6 more in .table.", "AIC would choose 4 × 'tied'. ICL would choose 2 × 'full'."]
    assert max(map(len, lines)) <= 100
    text = repr(broken)
    assert "Collapsed: 2 × 'full', 2 × 'diag', 2 × 'spherical'," in text
    assert "The first said: Collapse in the starting point: The covariance of component" in text
    assert "Failed: 8 × 'full', 8 × 'tied', 8 × 'diag', 8 × 'spherical'. The first said: Expected" in text


class Reader(html.parser.HTMLParser):
    """What a browser would find: tags that are closed in order, cells by row."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.styles: list[str] = []
        self.scopes = 0
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.open.append(tag)
        self.scopes += dict(attrs).get("scope") == "col"
        if tag == "tr":
            self.rows.append([])
            self.styles.append(dict(attrs).get("style") or "")
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def test_the_page(selection: Selection, broken: Selection) -> None:
    page = selection._repr_html_()
    read = Reader(page)
    assert read.scopes == len(read.rows[0]) == 9
    assert all(read.rows[0])  # a column without a heading says nothing to a screen reader
    assert read.rows[1][:3] == ["★", "2", "full"]
    assert "bold" in read.styles[1]
    assert all(cells[0] == "" and not style for cells, style in zip(read.rows[2:], read.styles[2:], strict=True))
    assert "<caption" in page
    assert "AIC would choose" in page
    assert "color" not in page  # black on white or white on black: the notebook's own
    Reader(broken._repr_html_())
    shouting = Selection([fit._replace(record=fit.record | {"error": "<b>&"}) for fit in broken._fits], "bic")
    assert "<b>" not in shouting._repr_html_()


# --- the picture --------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _no_figure_left_open() -> Any:
    yield
    plt.close("all")


def test_the_lines_are_the_table(selection: Selection) -> None:
    drawn = selection.plot()
    assert list(drawn.lines) == list(TYPES)
    for criterion in ("bic", "icl", "aic"):
        drawn.update(criterion)
        for kind, line in drawn.lines.items():
            own = [r for r in selection.table if r["covariance_type"] == kind]
            assert_array_equal(line.get_xydata(), [(r["n_components"], r[criterion]) for r in own])
        best = selection.by(criterion).best_
        least = min(r[criterion] for r in selection.table)
        assert_array_equal(drawn._ring.get_xydata(), [(best.n_components, least)])
        assert drawn._name.get_text() == f"{best.n_components} components of type {best.covariance_type}"
        assert drawn.axes.get_ylabel() == f"{criterion.upper()} (the less, the better)"
        assert drawn.axes.get_ylim()[0] < least
        assert check_alt(drawn.alt).startswith(f"{criterion.upper()} against the number of components, from 1 to 4")
    assert drawn.selection.criterion == "aic"
    assert selection.criterion == "bic"


def test_colour_is_not_the_only_code(selection: Selection) -> None:
    lines = list(selection.plot().lines.values())
    for of in (lambda line: to_hex(line.get_color()), lambda line: line.get_marker(), lambda line: line._dash_pattern):
        assert len({str(of(line)) for line in lines}) == 4
    alone = select(load_faithful().data, 1, covariance_types="spherical").plot().lines["spherical"]
    assert (alone.get_marker(), alone.get_color()) == (lines[3].get_marker(), lines[3].get_color())


def test_failures_and_unfinished_fits_are_marked(broken: Selection, faithful: Any) -> None:
    drawn = broken.plot()
    drawn.figure.canvas.draw()
    for kind in TYPES:
        failed = [r["n_components"] for r in broken.table if r["covariance_type"] == kind and r["bic"] is None]
        for part in drawn._failed[kind]:
            assert list(part.get_xdata()) == failed
    heights = {float(drawn._failed[kind][0].get_ydata()[0]) for kind in TYPES}
    assert len(heights) == 4
    assert drawn._note.get_text() == "Ring: the least, crossed out: failed"
    # rows of failures are above every fit, whichever criterion is shown
    for criterion in ("bic", "aic"):
        drawn.update(criterion)
        low, high = drawn.axes.get_ylim()
        tallest = max(r[criterion] for r in broken.table if r[criterion] is not None)
        assert (tallest - low) / (high - low) < min(heights) - 0.01
    unfinished = select(faithful, (1, 3), covariance_types="full", max_iter=2, random_state=0)
    drawn = unfinished.plot()
    assert list(drawn._hollow["full"].get_xdata()) == [3]
    assert list(drawn._winner["full"].get_xdata()) == [3]
    assert drawn._winner["full"].get_markerfacecolor() == drawn._hollow["full"].get_markerfacecolor()
    assert "hollow: out of iterations" in drawn._note.get_text()


def test_hopeless_fits_may_lie_above_the_top(faithful: Any) -> None:
    chosen = select(faithful, range(1, 10), random_state=0)
    drawn, whole = chosen.plot(), chosen.plot(zoom=False)
    worst = max(r["bic"] for r in chosen.table)
    assert drawn.axes.get_ylim()[1] < worst < whole.axes.get_ylim()[1]
    above = sum(r["bic"] > drawn.axes.get_ylim()[1] for r in chosen.table)
    assert f"{above} fits above the top" in drawn._note.get_text()
    assert "above" not in whole._note.get_text()


@pytest.mark.parametrize("dark", [False, True])
def test_it_is_drawn_on_given_axes_in_light_and_dark(selection: Selection, dark: bool) -> None:
    with theme.context(dark):
        figure = Figure()
        ax = figure.subplots()
        drawn = plot_selection(selection, ax, title="Old Faithful", note=False)
    assert drawn.axes is ax
    assert drawn.figure is figure
    assert drawn.dark is dark
    assert drawn._note is None
    file = io.BytesIO()
    figure.savefig(file)
    title, names = ax._left_title, ax.get_legend().get_texts()
    renderer = FigureCanvasAgg(figure).get_renderer()
    first_line = title.get_window_extent(renderer).y1 - title.get_window_extent(renderer).height / 2
    assert max(name.get_window_extent(renderer).y1 for name in names) <= first_line  # the title is above the legend
    for kind, line in drawn.lines.items():
        assert theme.contrast_ratio(to_hex(line.get_color()), theme.page(dark)["background"]) >= 3, kind


def test_only_a_selection_is_drawn(faithful: Any) -> None:
    with pytest.raises(TypeError, match=r"draws what gmmteach\.select returned, not a Mixture"):
        plot_selection(Mixture([1.0], [[0.0]], [1.0], "spherical"))  # type: ignore[arg-type]


# --- progress -----------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Progress, "DELAY", -1.0)
    monkeypatch.setattr(Progress, "PAUSE", 0.0)


@pytest.mark.usefixtures("at_once")
def test_a_terminal_gets_a_bar_that_goes_away(faithful: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    select(faithful, (1, 2), covariance_types=("full", "diag"))
    written = sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert "\rfits [" in written
    assert "] 3/4" in written
    assert written.endswith("\r\x1b[2K")
    monkeypatch.setattr(sys, "stderr", Terminal())
    select(faithful, 1, progress=False)
    assert sys.stderr.getvalue() == ""  # type: ignore[attr-defined]


@pytest.mark.usefixtures("at_once")
def test_elsewhere_there_is_none(faithful: Any, capsys: pytest.CaptureFixture[str]) -> None:
    select(faithful, 1)
    assert capsys.readouterr() == ("", "")


def test_what_is_quick_needs_no_bar(faithful: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(Progress, "DELAY", 60.0)
    select(faithful, 1)
    assert sys.stderr.getvalue() == ""  # type: ignore[attr-defined]


@pytest.mark.usefixtures("at_once")
def test_a_notebook_gets_a_bar_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    import IPython
    import IPython.display

    said: list[Any] = []

    class Handle:
        def update(self, data: Any, raw: bool) -> None:
            said.append(data)

    def display(data: Any, raw: bool, display_id: bool) -> Handle:
        said.append(data)
        return Handle()

    class Shell:
        kernel = object()

    monkeypatch.setattr(IPython, "get_ipython", lambda: Shell())
    monkeypatch.setattr(IPython.display, "display", display)
    assert list(Progress([1, 2], "fits")) == [1, 2]
    assert said[1] == {
        "text/plain": "fits: 0 of 2",
        "text/html": '<label>fits: 0 of 2 <progress value="0" max="2">fits: 0 of 2</progress></label>',
    }
    assert said[-1] == {}  # neither nbval nor a reader of the saved notebook finds anything


def test_progress_waits_between_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(Progress, "DELAY", -1.0)
    clock = iter(np.arange(0, 100, 0.03))
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    list(Progress(iter(range(40)), "fits", total=40))
    shown = sys.stderr.getvalue().count("\rfits")  # type: ignore[attr-defined]
    assert 8 <= shown <= 12  # 1.2 seconds, ten looks a second
    with pytest.raises(TypeError, match="has no length: say how many fits there are by total="):
        Progress(iter([1]), "fits")


def test_the_shared_start_is_that_of_the_estimator(faithful: Any) -> None:
    """Starts that are handed over are those that the estimator would make, with weights and holes too."""
    X = faithful.copy()
    X[::9, 0] = np.nan
    weights = np.random.RandomState(0).randint(0, 3, len(X)).astype(float)
    options: dict[str, Any] = {"missing": "marginalize", "random_state": 3, "n_init": 2, "max_iter": 2}
    chosen = select(X, 3, sample_weight=weights, covariance_types=("full", "tied"), **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        by_hand = GaussianMixture(3, **options).fit(X, sample_weight=weights)
    assert_array_equal(chosen.model(3, "full").trace_.means, by_hand.trace_.means)
    handed, told = grid._shared_start(faithful, 2, GaussianMixture(n_init=2, random_state=0), None)
    assert handed is not None
    assert [start.dtype for start in handed] == [bool, bool]
    assert told == []
