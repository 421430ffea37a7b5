"""Explorers: what the pictures are made of is right, the sentence agrees with it, and no slider breaks it."""

from __future__ import annotations

import base64
import io
import itertools
import math
import re
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from scipy import stats
from scipy.spatial.distance import mahalanobis

from gmmteach import GaussianMixture, Mixture, Trace, em
from gmmteach.datasets import load_faithful, load_galaxies
from gmmteach.visual import (
    explore_bound,
    explore_collapse,
    explore_conditional,
    explore_covariance,
    explore_gaussian,
    explore_landscape,
    explore_limit,
    explore_mixture,
    explore_prior,
    explore_responsibilities,
    explore_selection,
    explore_shapes,
    explore_stopping,
    explore_story,
    explore_threshold,
    theme,
)
from gmmteach.visual.livetext import LiveText
from gmmteach.visual.panel import Panel, at, encode_png, reading, slider

MAKERS: dict[str, Callable[[], Any]] = {
    "gaussian": explore_gaussian,
    "covariance": explore_covariance,
    "mixture": explore_mixture,
    "one component": lambda: explore_mixture(n_components=1),
    "four components": lambda: explore_mixture(load_galaxies().data, 4, name="velocity (km/s)"),
    "story": lambda: explore_story(n_samples=50),
    "no story yet": explore_story,
    "responsibilities": explore_responsibilities,
    "bound": explore_bound,
    "landscape": explore_landscape,
    "landscape of galaxies": lambda: explore_landscape(load_galaxies().data),
    "limit": explore_limit,
    "selection": explore_selection,
    "shapes": explore_shapes,
    "stopping": explore_stopping,
    "collapse": explore_collapse,
    "conditional": explore_conditional,
    "the other conditional": lambda: explore_conditional(given=1),
    "prior": explore_prior,
    "threshold": explore_threshold,
    "threshold without a truth": lambda: explore_threshold(load_faithful().data),
}


@pytest.fixture(params=MAKERS)
def panel(request: pytest.FixtureRequest) -> Any:
    """Every explorer in turn."""
    return MAKERS[request.param]()


def pixels(png: bytes) -> Any:
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB"))


def sliders_of(panel: Any) -> list[Any]:
    found = []

    def walk(widget: Any) -> None:
        if hasattr(widget, "readout_format"):
            found.append(widget)
        for child in getattr(widget, "children", ()):
            walk(child)

    walk(panel)
    return found


# --- every explorer ----------------------------------------------------------------------------------------


def test_a_page_without_widgets_gets_a_picture_and_its_words(panel: Any) -> None:
    data, metadata = panel._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/plain"] == repr(panel)
    assert panel.sentence() in data["text/plain"]
    alt = metadata["image/png"]["alt"]
    assert len(alt) >= 40
    assert alt.endswith(panel.sentence().replace("\n", " "))
    picture = pixels(base64.b64decode(data["image/png"]))
    assert picture.shape[:2] == (panel.picture.height, panel.picture.width)
    assert len(data["image/png"]) < 80_000


@pytest.mark.parametrize("name", MAKERS)
def test_the_same_call_gives_the_same_output(name: str) -> None:
    one, other = MAKERS[name](), MAKERS[name]()
    assert repr(one) == repr(other)
    assert one.picture.png == other.picture.png


def test_the_sentence_is_what_the_panel_says(panel: Any) -> None:
    assert panel.picture.text == panel.sentence()
    assert panel.picture.alt == panel.alt
    for each in sliders_of(panel):
        before = panel.picture.png, panel.picture.text
        each.value = each.min if each.value > (each.min + each.max) / 2 else each.max
        assert panel.picture.png != before[0]
        assert panel.picture.text != before[1]
        assert panel.picture.text == panel.sentence()


def test_artists_are_made_once(panel: Any) -> None:
    made = [id(artist) for artist in panel.moving]
    for each in sliders_of(panel):
        each.value = each.max
    panel.update()
    assert [id(artist) for artist in panel.moving] == made


def test_blitting_gives_the_pixels_of_a_full_drawing(panel: Any) -> None:
    for each in sliders_of(panel):
        each.value = each.min + 0.3 * (each.max - each.min)
        blitted = panel.draw().copy()
        apart = np.abs(blitted.astype(int) - panel.draw_in_full().astype(int)).max(axis=2)
        assert np.mean(apart > 40) < 0.02  # artists of one height may lie over each other in another order


@pytest.mark.parametrize("name", [name for name in MAKERS if name != "four components"])
def test_every_extreme(name: str) -> None:
    panel = MAKERS[name]()
    sliders = sliders_of(panel)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for ends in itertools.product(*[(each.min, each.max) for each in sliders]):
            with panel.together():
                for each, value in zip(sliders, ends, strict=True):
                    each.value = value
            assert not re.search(r"nan|inf|not a number|∞", panel.picture.text), panel.picture.text


def test_dark_pages_get_a_dark_picture(panel: Any) -> None:
    assert pixels(panel.picture.png)[0, 0].tolist() == [255, 255, 255]
    panel.picture.dark = True
    assert pixels(panel.picture.png)[0, 0].tolist() == [17, 17, 17]
    light = pixels(base64.b64decode(panel._repr_mimebundle_()[0]["image/png"]))
    assert light[0, 0].tolist() == [255, 255, 255]  # a saved page is light
    panel.update()
    assert pixels(panel.picture.png)[0, 0].tolist() == [17, 17, 17]


def test_sharp_screens_get_more_pixels() -> None:
    panel = explore_gaussian()
    panel.picture.scale = 2.0
    assert pixels(panel.picture.png).shape[:2] == (2 * panel.picture.height, 2 * panel.picture.width)
    assert (panel.picture.width, panel.picture.height) == (860, 420)


@pytest.mark.parametrize("scale", [1.0, 1.25, 1.5, 2.0])
def test_no_pixel_is_lost_to_rounding(panel: Any, scale: float) -> None:
    panel.picture.scale = scale
    width, height = (int(scale * side) for side in panel.size)
    assert tuple(map(int, panel.figure.bbox.size)) == (width, height)  # cut off, as matplotlib 3.9 does
    assert pixels(panel.picture.png).shape[:2] == (height, width)


def test_several_changes_draw_once(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = explore_covariance()
    drawn: list[int] = []
    draw = panel.draw
    monkeypatch.setattr(panel, "draw", lambda: drawn.append(1) or draw())
    with panel.together():
        panel.first.value, panel.second.value, panel.correlation.value = 0.5, 0.5, 0.0
    assert len(drawn) == 1


def test_milliseconds_of_an_update(panel: Any) -> None:
    times = []
    for _ in range(15):
        start = time.perf_counter()
        panel.update()
        times.append(time.perf_counter() - start)
    print(f"{panel.title}: {1e3 * float(np.median(times)):.1f} ms for an update, {len(panel.picture.png):,} bytes")


# --- one Gaussian ------------------------------------------------------------------------------------------


def test_gaussian_areas_and_peak() -> None:
    panel = explore_gaussian(mean=0.5, standard_deviation=0.3)
    x, y = panel._curve.get_data()
    assert np.trapezoid(y, x) == pytest.approx(1, abs=1e-6)
    assert panel.peak == pytest.approx(stats.norm(0.5, 0.3).pdf(0.5))
    assert panel.peak == pytest.approx(y.max(), rel=1e-3)
    for n_std, area in zip((1, 2), panel._areas, strict=True):
        corners = area.get_xy()
        held = np.trapezoid(corners[1:122, 1], corners[1:122, 0])
        assert held == pytest.approx(panel.share(n_std), abs=2e-4)
        assert panel.share(n_std) == pytest.approx(math.erf(n_std / math.sqrt(2)))
    assert "68.3 %" in panel.sentence()
    assert "95.4 %" in panel.sentence()


@pytest.mark.parametrize(("sd", "above"), [(0.25, True), (0.4, False), (0.35, True), (1.0, False), (2.0, False)])
def test_gaussian_says_when_its_peak_is_above_one(sd: float, above: bool) -> None:
    panel = explore_gaussian(standard_deviation=sd)
    assert (panel.peak > 1) is above
    assert ("above 1" in panel.sentence()) is above
    assert f"{panel.peak:.2f}" in panel.sentence()
    assert panel._peak.get_text() == f"peak {panel.peak:.2f}" + (" > 1" if above else "")
    assert "area is" in panel.sentence()


# --- covariance --------------------------------------------------------------------------------------------


def test_covariance_of_the_points_is_the_matrix() -> None:
    panel = explore_covariance((1.3, 0.7), -0.4)
    assert np.cov(panel.X.T, bias=True) == pytest.approx(panel.covariance)
    assert panel.X.mean(axis=0) == pytest.approx(0, abs=1e-12)
    assert panel.covariance == pytest.approx(np.array([[1.69, -0.364], [-0.364, 0.49]]))
    assert "Σ = [[1.69, −0.36], [−0.36, 0.49]]" in panel.sentence()


@pytest.mark.parametrize("correlation", [0.0, 0.7, -0.98])
def test_covariance_ellipses_hold_what_they_say(correlation: float) -> None:
    panel = explore_covariance((1.5, 0.6), correlation)
    for n_std, ring in zip((1, 2), panel._rings, strict=True):
        inside = ring.get_patch_transform().inverted().transform(panel.X)  # the ellipse is then the unit circle
        assert np.mean(np.square(inside).sum(axis=1) <= 1) == panel.share_within(n_std)
        assert panel.share_within(n_std) == pytest.approx(stats.chi2.cdf(n_std**2, df=2), abs=0.02)


def test_covariance_probe_lies_on_its_circle_and_its_ellipse() -> None:
    panel = explore_covariance((1.5, 0.8), 0.5, probe=(1.7, -2.1))
    precision = np.linalg.inv(panel.covariance)
    assert panel.mahalanobis == pytest.approx(mahalanobis([1.7, -2.1], [0, 0], precision))
    assert panel.euclidean == pytest.approx(np.hypot(1.7, 2.1))
    for ring in (panel._circle, panel._equal):
        place = ring.get_patch_transform().inverted().transform([[1.7, -2.1]])
        assert np.linalg.norm(place) == pytest.approx(1)
    assert f"Mahalanobis distance {panel.mahalanobis:.2f}" in panel.sentence()


def test_covariance_axes_are_eigenvectors() -> None:
    panel = explore_covariance((1.5, 0.8), 0.5)
    variances = np.linalg.eigvalsh(panel.covariance)[::-1]
    for spoke, variance in zip(panel._spokes[2:], variances, strict=True):
        end = np.array([spoke.get_xdata()[1], spoke.get_ydata()[1]])
        assert panel.covariance @ end == pytest.approx(variance * end)
        assert end @ end == pytest.approx(variance)


def test_covariance_presets() -> None:
    panel = explore_covariance()
    buttons = {each.description: each for line in panel.children[:-1] for part in line.children
               for each in getattr(part, "children", ())}  # fmt: skip
    for name, word in (("Spherical", "spherical"), ("Diagonal", "diagonal"), ("Full", "full")):
        buttons[name].click()
        assert panel.shape.startswith(word)
        assert word in panel.picture.text
    assert panel.correlation.value == 0.8


def test_a_click_moves_the_probe() -> None:
    panel = explore_covariance()
    width, height = panel.canvas.get_width_height()
    x, y = panel.axes.transData.transform((1.2, -2.5))
    panel.picture.point = [x / width, 1 - y / height]
    assert panel.probe == pytest.approx([1.2, -2.5], abs=0.051)
    before = panel.picture.text
    panel.picture.point = [0.99, 0.5]  # beside the axes
    assert panel.picture.text == before
    assert at(panel.axes, (0.0, 0.0)) is None


# --- a mixture by hand -------------------------------------------------------------------------------------


def test_mixture_log_likelihood_is_that_of_the_mixture() -> None:
    panel = explore_mixture()
    panel.means[0].value, panel.means[1].value = 54.0, 80.0
    panel.standard_deviations[0].value = panel.standard_deviations[1].value = 6.0
    panel.weights[0].value = 0.4
    waits = load_faithful().data[:, 1]
    density = 0.4 * stats.norm(54, 6).pdf(waits) + 0.6 * stats.norm(80, 6).pdf(waits)
    assert panel.log_likelihood == pytest.approx(np.log(density).sum())
    assert panel.log_likelihood == pytest.approx(panel.mixture.log_density(panel.X).sum())
    assert f"Log-likelihood −{-panel.log_likelihood:,.1f} nats" in panel.picture.text
    x, y = panel._total.get_data()
    assert y == pytest.approx(0.4 * stats.norm(54, 6).pdf(x) + 0.6 * stats.norm(80, 6).pdf(x))


def test_mixture_remembers_the_best() -> None:
    panel = explore_mixture()
    seen = [panel.log_likelihood]
    for value in (50.0, 54.0, 90.0, 43.0):
        panel.means[0].value = value
        seen.append(panel.log_likelihood)
    assert panel.best == max(seen)
    assert f"best so far {panel.best:,.1f}".replace("-", "−") in panel.picture.text
    panel.let_em_finish()
    panel.start_again()
    assert panel.trace is None
    assert panel.best == panel.log_likelihood == seen[0]
    assert "EM" not in panel.picture.text


def test_em_goes_on_from_the_sliders() -> None:
    panel = explore_mixture()
    panel.means[0].value, panel.means[1].value = 55.0, 85.0
    start = panel.mixture
    panel.finish.click()
    expected = Trace.record(em(panel.X, start), panel.X, tol=1e-7, max_iter=5000)
    assert panel.trace.objective == pytest.approx(expected.objective)
    assert panel.trace[0].mixture.means == pytest.approx(start.means)
    assert panel.mixture.means == pytest.approx(start.means)  # the sliders stay where the learner left them
    fitted = GaussianMixture(2, tol=1e-7, max_iter=1000, random_state=0).fit(panel.X)
    assert panel.trace.objective[-1] == pytest.approx(fitted.score(panel.X) * len(panel.X), abs=1e-2)
    assert f"to {panel.trace.objective[-1]:,.1f}".replace("-", "−") in panel.picture.text
    x, y = panel._em.get_data()
    assert y == pytest.approx(np.exp(panel.trace[-1].mixture.log_density(x)))


def test_one_component_by_hand_starts_off_the_best_and_em_finds_it() -> None:
    panel = explore_mixture(n_components=1)
    panel.let_em_finish()
    assert panel.log_likelihood < panel.trace.objective[-1] - 50
    assert panel.trace[-1].mixture.means[0, 0] == pytest.approx(panel.X.mean())


def test_em_that_collapses_is_told() -> None:
    panel = explore_mixture([0.0, 0.0, 0.0, 1.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0])
    panel.means[0].value, panel.means[1].value = 0.0, 7.0
    panel.standard_deviations[0].value = panel.standard_deviations[0].min
    panel.let_em_finish()
    assert panel.trace.outcome == "collapsed"
    assert "collapsed: component 0" in panel.picture.text


@pytest.mark.parametrize(("scale", "n_components"), [(1e-6, 2), (1.0, 1), (1.0, 3), (1e6, 4)])
def test_sliders_follow_the_data(scale: float, n_components: int) -> None:
    X = np.random.default_rng(0).normal(size=80) * scale
    panel = explore_mixture(X, n_components)
    assert np.isfinite(panel.log_likelihood)
    assert panel.mixture.weights.sum() == pytest.approx(1)
    for mean, sd in zip(panel.means, panel.standard_deviations, strict=True):
        assert mean.min <= X.min() < X.max() <= mean.max
        assert 0 < sd.min < X.std() < sd.max
        for each in (mean, sd):
            places = int(each.readout_format[1:-1])
            assert float(f"{each.step:.{places}f}") == pytest.approx(each.step)


def test_histograms_of_whole_numbers_have_even_bins() -> None:
    panel = explore_mixture()
    (bars, _) = [patch for patch in panel._total.axes.patches]
    heights, edges = bars.get_data()[:2]
    assert heights @ np.diff(edges) == pytest.approx(1)
    assert np.diff(edges) == pytest.approx(2)
    assert edges[0] % 1 == 0.5


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (load_faithful().data, "one column"),
        ([1.0, np.nan, 2.0], "missing"),
        ([3.0, 3.0], "two different values"),
    ],
)
def test_mixture_says_what_is_wrong_with_the_data(X: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        explore_mixture(X)


def test_mixture_has_room_for_four() -> None:
    with pytest.raises(ValueError, match="n_components is 5"):
        explore_mixture(n_components=5)


# --- the generative story ----------------------------------------------------------------------------------


def test_story_is_the_same_whichever_buttons_draw_it() -> None:
    one, hundred, at_once = explore_story(random_state=3), explore_story(random_state=3), explore_story(
        n_samples=100, random_state=3
    )  # fmt: skip
    for _ in range(100):
        one.one.click()
    hundred.hundred.click()
    assert np.array_equal(one.X, hundred.X)
    assert np.array_equal(one.labels, at_once.labels)
    assert not np.array_equal(explore_story(n_samples=100, random_state=4).X, one.X)


def test_story_draws_from_the_mixture() -> None:
    panel = explore_story(n_samples=1000)
    assert panel.counts / 1000 == pytest.approx(panel.mixture.weights, abs=0.05)
    for k, covariance in enumerate(panel.mixture.dense_covariances):
        mine = panel.X[panel.labels == k]
        assert mine.mean(axis=0) == pytest.approx(panel.mixture.means[k], abs=0.15)
        assert np.cov(mine.T) == pytest.approx(covariance, abs=0.2)
    drawn = [len(cloud.get_xdata()) for cloud in panel._clouds]
    assert drawn == panel.counts.tolist()


def test_story_names_its_features() -> None:
    panel = explore_story(feature_names=["bill (mm)", "mass (g)"])
    assert [panel._bare.axes.get_xlabel(), panel._bare.axes.get_ylabel()] == ["bill (mm)", "mass (g)"]


def test_story_is_told_step_by_step() -> None:
    panel = explore_story()
    assert "No point" in panel.picture.text
    panel.one.click()
    label, (x, y) = panel.labels[-1], panel.X[-1]
    assert f"component {label}" in panel.picture.text
    assert f"({x:.2f}, {y:.2f})".replace("-", "−") in panel.picture.text
    assert "1 point so far" in panel.picture.text
    assert panel._last.get_data() == (pytest.approx([x]), pytest.approx([y]))
    assert panel._chosen.get_x() == pytest.approx(label - 0.33)


def test_story_hides_the_labels() -> None:
    panel = explore_story(n_samples=30)
    panel.hide.value = True
    assert "without their labels" in panel.picture.text
    assert not any(len(cloud.get_xdata()) for cloud in panel._clouds)
    assert len(panel._bare.get_xdata()) == 30
    assert not any(artist.get_visible() for artist in (*panel._components, panel._chosen, panel._last))
    seen = pixels(panel.picture.png)
    for k in range(3):  # no colour of a component is left on the right-hand side
        apart = np.abs(seen[:, 430:] - np.array(theme.in_bytes(theme.colour(k)))).max(axis=2)
        assert apart.min() > 8
    panel.hide.value = False
    assert "30 points so far" in panel.picture.text


def test_story_ends_at_a_thousand_and_starts_again() -> None:
    panel = explore_story(n_samples=990)
    first = panel.X[:100].copy()
    panel.hundred.click()
    assert len(panel.X) == 1000
    assert panel.one.disabled
    assert panel.hundred.disabled
    assert "no room for more" in panel.picture.text
    panel.again.click()
    assert len(panel.X) == 0
    assert not panel.one.disabled
    panel.hundred.click()
    assert not np.array_equal(panel.X, first)


# --- responsibilities --------------------------------------------------------------------------------------


def test_responsibilities_are_bayes_rule() -> None:
    panel = explore_responsibilities(point=(0.5, -0.7))
    mixture = panel.mixture
    densities = np.array(
        [
            stats.multivariate_normal(mean, covariance).pdf(panel.point)
            for mean, covariance in zip(mixture.means, mixture.dense_covariances, strict=True)
        ]
    )
    assert np.exp(panel.log_density) == pytest.approx(densities)
    joint = mixture.weights * densities
    assert np.exp(panel.log_joint) == pytest.approx(joint)
    assert panel.responsibilities == pytest.approx(joint / joint.sum())
    lengths = np.array([[bar.get_width() for bar in bars] for bars in panel._bars])
    assert lengths / lengths.max() == pytest.approx(
        np.column_stack([densities / densities.max(), joint / joint.max(), joint / joint.sum()]), abs=1e-6
    )
    texts = [values[2].get_text() for values in panel._values]
    assert texts == [f"{share:.3f}" for share in panel.responsibilities]
    assert float(panel._sum.get_text()) == pytest.approx(joint.sum(), abs=5e-5)


def test_far_away_one_component_takes_all() -> None:
    mixture = Mixture(np.array([0.5, 0.5]), np.array([[0.0, 0.0], [2.0, 0.0]]), np.array([1.0, 1.0]), "spherical")
    panel = explore_responsibilities(mixture, point=(1.0, 0.0))
    assert "share it" in panel.picture.text
    assert panel.responsibilities == pytest.approx([0.5, 0.5])
    panel.x.value = panel.x.max
    panel.y.value = panel.y.max
    assert panel.responsibilities[1] > 0.999
    assert "standard deviations from the nearest component" in panel.picture.text
    assert "sum to 1 all the same" in panel.picture.text


def test_a_point_where_every_density_underflows() -> None:
    mixture = Mixture(np.array([0.5, 0.5]), np.array([[0.0, 0.0], [100.0, 0.0]]), np.array([1.0, 1.0]), "spherical")
    panel = explore_responsibilities(mixture, point=(49.0, 0.0))
    assert panel.responsibilities.sum() == pytest.approx(1)
    assert panel._values[0][0].get_text().endswith("e−523")
    assert panel._sum.get_text() != "0"


def test_a_component_without_weight_gets_nothing() -> None:
    mixture = Mixture(np.array([1.0, 0.0]), np.array([[0.0, 0.0], [2.0, 0.0]]), np.array([1.0, 1.0]), "spherical")
    panel = explore_responsibilities(mixture, point=(2.0, 0.0))
    assert panel.responsibilities.tolist() == [1.0, 0.0]
    assert panel._values[1][1].get_text() == "0"


def test_a_drag_moves_the_point() -> None:
    panel = explore_responsibilities()
    width, height = panel.canvas.get_width_height()
    x, y = panel.axes.transData.transform((-2.0, 1.0))
    panel.picture.point = [x / width, 1 - y / height]
    assert panel.point == pytest.approx([-2.0, 1.0], abs=0.05)
    assert f"{panel.responsibilities[0]:.3f}" == panel._values[0][2].get_text()


@pytest.mark.parametrize("make", [explore_story, explore_responsibilities])
def test_only_mixtures_in_two_features(make: Any) -> None:
    with pytest.raises(ValueError, match="has 1 features"):
        make(Mixture(np.array([1.0]), np.array([[0.0]]), np.array([1.0]), "spherical"))
    with pytest.raises(TypeError, match="mixture_"):
        make(np.zeros((2, 2)))
    many = Mixture(np.full(11, 1 / 11), np.zeros((11, 2)), np.ones(11), "spherical")
    with pytest.raises(ValueError, match="room for"):
        make(many)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: explore_gaussian(mean=float("nan")), "finite"),
        (lambda: explore_covariance((1.0, 2.0, 3.0)), "standard_deviations must be 2"),
        (lambda: explore_covariance(probe=(np.inf, 0.0)), "probe must be 2"),
        (lambda: explore_responsibilities(point=(1.0,)), "point must be 2"),
        (lambda: explore_responsibilities(feature_names=["a"]), "1 name"),
        (lambda: explore_story(n_samples=-1), "not be negative"),
        (lambda: explore_story(feature_names=["x"]), "feature_names has 1 name"),
    ],
)
def test_arguments_that_cannot_be_drawn(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_other_mixtures_can_be_explored() -> None:
    fitted = GaussianMixture(2, random_state=0).fit(load_faithful().data).mixture_
    panel = explore_responsibilities(fitted, feature_names=["eruption (min)", "waiting (min)"])
    assert panel.x.description == "point, eruption (min)"
    assert panel.point == pytest.approx(fitted.means.mean(axis=0), abs=0.5)
    tied = Mixture(np.array([0.3, 0.7]), np.array([[0.0, 0.0], [1.0, 1.0]]), np.eye(2), "tied")
    assert explore_story(tied, n_samples=5).X.shape == (5, 2)
    assert explore_responsibilities(tied).responsibilities.sum() == pytest.approx(1)


# --- the panel ---------------------------------------------------------------------------------------------


def test_the_png_holds_the_pixels() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (31, 47, 4), dtype=np.uint8)
    assert np.array_equal(pixels(encode_png(picture)), picture[:, :, :3])


def test_a_slider_brings_its_value_inside_and_reads_without_dust() -> None:
    made = slider("spread", 5.0, 0.0, 2.0, 0.05)
    assert made.value == 2.0
    assert made.description == "spread"
    made.value = 0.05 + 0.1
    assert made.value != 0.15
    assert reading(made) == 0.15
    made.value = 1e-17
    assert reading(made) == 0.0


def test_a_panel_needs_its_three_answers() -> None:
    with pytest.raises(NotImplementedError):
        Panel([])


@pytest.mark.parametrize("size", [12, 18])
@pytest.mark.parametrize("rim", [None, "#ffffff"])
def test_live_text_stands_where_text_would(size: int, rim: str | None) -> None:
    boxes = []
    for make in ("text", "live"):
        figure = Figure(figsize=(4, 1), dpi=100)
        canvas = FigureCanvasAgg(figure)
        ax = figure.add_axes((0, 0, 1, 1))
        ax.set_axis_off()
        ax.set_xlim(0, 1)
        ax.set_ylim(0, 1)
        if make == "text":
            ax.text(0.1, 0.4, "−1,096.0 (68 %)", fontsize=size, color="black", va="baseline")
        else:
            LiveText(ax, 0.1, 0.4, "−1,096.0 (68 %)", size=size, color="black", va="baseline", rim=rim)
        canvas.draw()
        dark = np.argwhere(np.asarray(canvas.buffer_rgba())[:, :, 0] < 128)
        boxes.append([*dark.min(axis=0), *dark.max(axis=0)])
    assert np.abs(np.subtract(*boxes)).max() <= 5  # it has no kerning, so the end may differ by a few pixels
    assert np.abs(np.subtract(*boxes))[:3].max() <= 2


def test_live_text_can_be_placed_by_its_middle_and_its_end() -> None:
    figure = Figure(figsize=(4, 1), dpi=100)
    canvas = FigureCanvasAgg(figure)
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set_xlim(0, 1)
    text = LiveText(ax, 0, 0, size=12, color="black")
    middles = []
    for across in ("left", "center", "right"):
        text = LiveText(ax, 0.5, 0.5, "0000", size=12, color="black", ha=across)
        canvas.draw()
        ink = np.argwhere(np.asarray(canvas.buffer_rgba())[20:80, 20:380, 0] < 100)
        middles.append(20 + (ink[:, 1].min() + ink[:, 1].max()) / 2)
        text.set_visible(False)
    assert middles[1] == pytest.approx(200, abs=2)
    assert middles[0] > 215
    assert middles[2] < 185
    assert text.get_text() == "0000"
