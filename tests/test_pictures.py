"""Static pictures: the look of the course, what `update` does, and the files in figures/."""

from __future__ import annotations

import ast
import itertools
import re
import warnings
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from matplotlib.text import Text
from PIL import Image, ImageSequence
from scipy.stats import chi2

from gmmteach import GaussianMixture, KMeans, Mixture, Snapshot, Trace, animate, em, lloyd, visual
from gmmteach.starts import starting_mixture
from gmmteach.visual import describe, figures, plot_mixture, plot_trace, show, theme
from gmmteach.visual.animate import Animation
from gmmteach.visual.draw import LineArtists, PlaneArtists
from gmmteach.visual.geometry import bin_edges, borders, density_levels, nearness, objective_limits
from gmmteach.visual.words import ALT_LENGTH, check_alt, format_number, mass_note, percent

FIGURES = Path(__file__).parent.parent / "figures"


@pytest.fixture(autouse=True)
def _no_figure_left_open():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def trace() -> Trace:
    return figures.faithful_run()


@pytest.fixture(scope="module")
def hard(trace) -> Trace:
    return Trace.record(lloyd(trace.X, trace[0].mixture), trace.X)


@pytest.fixture(scope="module")
def solid() -> Trace:
    """A run in three dimensions."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(centre, 1, (60, 3)) for centre in ((0, 0, 0), (4, 1, 0), (2, 5, 3))])
    return Trace.record(em(X, starting_mixture(X, 3, init_params="random", random_state=0)), X, max_iter=8)


@pytest.fixture(scope="module")
def line() -> Trace:
    """A run in one dimension."""
    rng = np.random.default_rng(1)
    X = np.concatenate([rng.normal(0, 1, 80), rng.normal(5, 2, 120)])[:, np.newaxis]
    start = Mixture(np.full(2, 0.5), np.array([[1.0], [3.0]]), np.array([4.0, 1.0]), "spherical")
    return Trace.record(em(X, start), X, tol=1e-5)


def pixels(figure: Figure) -> np.ndarray:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba()).copy()


def blank(dark: bool = False):
    with theme.context(dark):
        figure = Figure(figsize=(5, 4), layout="none")  # matplotlib's layouts settle in steps of a few millionths
        figure.subplots_adjust(0.16, 0.24, 0.97, 0.9)
        return figure.subplots()


# --- colours -----------------------------------------------------------------------------------------------

# Machado, Oliveira & Fernandes (2009), severity 1.0: linear light as seen, from linear light as it is.
SIGHT = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


def cielab(light: np.ndarray) -> np.ndarray:
    """CIELAB (D65) of linear light."""
    to_xyz = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    )
    x = np.clip(light, 0, 1) @ to_xyz.T / np.array([0.95047, 1.0, 1.08883])
    f = np.where(x > 216 / 24389, np.cbrt(x), (24389 / 27 * x + 16) / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def closest(colours: list[str], sight: str) -> float:
    seen = cielab(theme.to_light([to_rgb(colour) for colour in colours]) @ SIGHT[sight].T)
    return min(float(np.linalg.norm(one - other)) for one, other in itertools.combinations(seen, 2))


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("sight", SIGHT)
def test_colours_stay_apart_for_every_eye(sight, dark):
    # 2.3 is the least difference that is noticed side by side. Up to six components (nearly all of the course) keep
    # 15 from each other; with eight, blue and purple come within 8 for a deuteranope, and the markers help.
    colours = [theme.colour(k, dark) for k in range(8)]
    assert closest(colours[:6], sight) > 15
    assert closest(colours, sight) > 8


def test_the_simulation_of_sight_can_fail():
    assert closest(["#C00000", "#607000"], "usual") > 50
    assert closest(["#C00000", "#607000"], "protanopia") < 30
    assert closest(["#3060C0", "#5058C0"], "deuteranopia") < 8


@pytest.mark.parametrize("dark", [False, True])
def test_lines_and_letters_stand_out_from_the_page(dark):
    background = theme.page(dark)["background"]
    for k in range(10):
        assert theme.contrast_ratio(theme.ink(k, dark), background) >= 3
        assert theme.contrast_ratio(theme.ink(k, dark, contrast=4.5), background) >= 4.5
        if dark:
            assert theme.contrast_ratio(theme.colour(k, dark), background) >= 3
    for tone in ("text", "quiet"):
        assert theme.contrast_ratio(theme.page(dark)[tone], background) >= 4.5


def test_thin_ellipses_stand_out_in_the_dark(trace):
    drawn = plot_mixture(trace[-1], trace.X, blank(dark=True))
    thin = [artist for artist in drawn.artists if isinstance(artist, Ellipse) and artist.get_linewidth() < 2]
    assert len(thin) == 2
    ground = np.array(to_rgb(theme.DARK["background"]))
    for artist in thin:
        *rgb, share = artist.get_edgecolor()
        assert theme.contrast_ratio(to_hex(share * np.array(rgb) + (1 - share) * ground), to_hex(ground)) >= 3


def test_contrast_of_black_on_white_is_21():
    assert theme.contrast_ratio("#000000", "#FFFFFF") == pytest.approx(21)
    assert theme.contrast_ratio("#777777", "#777777") == pytest.approx(1)


def test_colour_is_never_the_only_code():
    assert len({theme.marker(k) for k in range(10)}) == 10
    assert len({str(theme.linestyle(k)) for k in range(10)}) == 10
    assert len(theme.COLOUR_NAMES) == len(theme.MARKER_NAMES) == len(theme.MARKER_SCALES) == len(theme.COLOURS) == 10
    assert (theme.colour(12), theme.marker(12), theme.linestyle(12)) == (
        theme.colour(2),
        theme.marker(2),
        theme.linestyle(2),
    )


def test_the_player_has_no_colours_of_its_own():
    scripts = (Path(theme.__file__).parent / "static").glob("*.js")
    script = "".join(path.read_text(encoding="utf-8") for path in scripts).upper()
    assert [colour for colour in {*theme.COLOURS, *theme.DARK_COLOURS} if colour.upper() in script] == []


def test_mix_keeps_pure_colours_and_meets_in_the_middle():
    pure = theme.mix(np.eye(10))
    assert np.allclose(pure, [to_rgb(colour) for colour in theme.COLOURS], atol=1e-6)
    # Half and half looks half-way: nearer to the middle than a mix of light, for the average pair.
    evenness = {"oklab": [], "light": []}
    for one, other in itertools.combinations(range(10), 2):
        shares = np.zeros((1, 10))
        shares[0, [one, other]] = 0.5
        ends = cielab(theme.to_light(pure[[one, other]]))
        middles = {"oklab": theme.to_light(theme.mix(shares)), "light": theme.to_light(pure[[one, other]]).mean(axis=0)}
        for way, middle in middles.items():
            near, far = sorted(np.linalg.norm(cielab(middle) - ends, axis=-1))
            evenness[way].append(near / far)
    assert np.mean(evenness["oklab"]) > 0.85 > 0.75 > np.mean(evenness["light"])


def test_mix_stays_on_the_screen():
    shares = np.random.default_rng(0).dirichlet(np.full(10, 0.3), 5000)
    palette = theme.to_oklab([to_rgb(colour) for colour in theme.COLOURS])
    light = ((shares @ palette) @ np.linalg.inv(theme._CONES_TO_OKLAB).T) ** 3 @ np.linalg.inv(theme._LIGHT_TO_CONES).T
    assert light.min() > -0.005  # so that clipping changes nothing that could be seen
    assert light.max() < 1.005
    assert np.allclose(theme.from_oklab(palette), [to_rgb(colour) for colour in theme.COLOURS], atol=1e-6)


def test_context_gives_back_the_settings():
    before = dict(mpl.rcParams)
    with theme.context(dark=True):
        assert mpl.rcParams["axes.facecolor"] == "#111111"
    assert dict(mpl.rcParams) == before


# --- a mixture ---------------------------------------------------------------------------------------------

CASES = {
    "full": ("trace", {}),
    "density": ("trace", {"density": True, "boundaries": True}),
    "k-means": ("hard", {}),
    "two of three": ("solid", {"features": (2, 0)}),
    "one of three": ("solid", {"features": (1,)}),
    "one": ("line", {"boundaries": True}),
    "dark": ("trace", {}),
}


@pytest.mark.parametrize("case", CASES)
def test_an_update_equals_a_fresh_drawing(case, request):
    name, options = CASES[case]
    run = request.getfixturevalue(name)
    dark = case == "dark"
    first = plot_mixture(run[0], run.X, blank(dark), room_for=[run[-1]], **options)
    fresh = plot_mixture(run[-1], run.X, blank(dark), room_for=[run[0]], **options)
    before = pixels(first.figure)
    first.update(run[-1])
    assert np.array_equal(pixels(first.figure), pixels(fresh.figure))
    assert not np.array_equal(before, pixels(first.figure))


@pytest.mark.parametrize("case", CASES)
def test_an_update_makes_no_artists(case, request):
    name, options = CASES[case]
    run = request.getfixturevalue(name)
    drawn = plot_mixture(run[0], run.X, blank(), **options)
    children = drawn.axes.get_children()
    artists = list(drawn.artists)
    for snapshot in run:
        drawn.update(snapshot)
    assert drawn.artists == artists
    assert drawn.axes.get_children() == children
    assert set(map(id, artists)) <= set(map(id, children))


def test_half_steps(trace):
    drawn = plot_mixture(trace[0], trace.X, blank(), room_for=list(trace))
    whole = plot_mixture(trace[5], trace.X, blank(), room_for=list(trace))
    drawn.recolour(trace[5])
    colours_only = pixels(drawn.figure)
    drawn.move(trace[5])
    assert np.array_equal(pixels(drawn.figure), pixels(whole.figure))
    assert not np.array_equal(colours_only, pixels(drawn.figure))
    drawn.recolour(None)
    assert len(drawn._bare.get_offsets()) == len(trace.X)
    assert sum(len(points.get_offsets()) for points in drawn._points) == 0
    drawn.recolour(trace[5])  # and the colour comes back
    assert np.array_equal(pixels(drawn.figure), pixels(whole.figure))


def test_points_have_the_mix_and_the_marker_of_their_responsibilities(trace):
    snapshot = trace[4]
    drawn = plot_mixture(snapshot, trace.X, blank())
    shares = snapshot.responsibilities(trace.X)
    for k, points in enumerate(drawn._points):
        mine = shares.argmax(axis=1) == k
        assert 0 < mine.sum() < len(trace.X)
        assert np.allclose(points.get_offsets(), trace.X[mine])
        assert np.allclose(points.get_facecolors()[:, :3], theme.mix(shares[mine]))


@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
@pytest.mark.parametrize("n_std", [1.0, 2.0, 2.5])
def test_an_ellipse_holds_the_mass_it_states(trace, covariance_type, n_std):
    mixture = GaussianMixture(2, covariance_type=covariance_type, random_state=0).fit(trace.X).mixture_
    drawn = plot_mixture(mixture, trace.X, blank(), n_std=n_std)
    drawn.figure.draw_without_rendering()
    rng = np.random.default_rng(0)
    stated = chi2.cdf(n_std**2, df=2)
    for k, patch in enumerate(drawn._outer):
        outline = drawn.axes.transData.inverted().transform(patch.get_verts())
        offsets = outline - mixture.means[k]
        distances = np.sqrt(
            np.einsum("nd,de,ne->n", offsets, np.linalg.inv(mixture.dense_covariances[k]), offsets),
        )
        assert np.allclose(distances, n_std, rtol=3e-3)  # it *is* the line of that Mahalanobis distance
        points = rng.multivariate_normal(mixture.means[k], mixture.dense_covariances[k], 20_000)
        path = mpl.path.Path(outline)
        assert path.contains_points(points).mean() == pytest.approx(stated, abs=4 * np.sqrt(0.25 / 20_000))
    note = [text.get_text() for text in drawn.axes.texts if "Gaussian" in text.get_text()]
    assert f"{n_std:g}σ: {stated:.0%}".replace("%", " %") in note[0]


def test_contours_hold_their_share(trace):
    mixture = trace[-1].mixture
    x, y = np.linspace(0, 7, 300), np.linspace(30, 110, 300)
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    density = np.exp(mixture.log_density(grid)).reshape(300, 300)
    levels = density_levels(density, (x[1] - x[0]) * (y[1] - y[0]), (0.95, 0.5, 0.1))
    sample, _ = mixture.sample(20_000, random_state=0)
    for level, mass in zip(levels, (0.95, 0.5, 0.1), strict=True):
        assert np.mean(np.exp(mixture.log_density(sample)) >= level) == pytest.approx(mass, abs=0.015)
    assert density_levels(density[:, :100], (x[1] - x[0]) * (y[1] - y[0]), (0.95,)) == [None]


def test_borders_lie_where_two_centres_are_equally_near():
    centres = np.array([[0.0, 0.0], [4.0, 1.0], [1.0, 5.0], [6.0, 6.0]])
    x, y = np.linspace(-2, 8, 200), np.linspace(-2, 8, 200)
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    lines = borders(x, y, nearness(grid, centres))
    on_line = np.concatenate(lines)
    nearest = np.sort(np.linalg.norm(on_line[:, np.newaxis] - centres, axis=2), axis=1)
    assert np.abs(nearest[:, 1] - nearest[:, 0]).max() < 0.03
    cells = nearness(on_line, centres).argsort(axis=1)[:, -2:]
    pairs = {tuple(sorted(pair)) for pair in cells.tolist()}
    assert {(0, 1), (0, 2), (1, 3), (2, 3)} <= pairs


def test_k_means_has_no_ellipse_unless_asked(hard):
    drawn = plot_mixture(hard[-1], hard.X, blank())
    assert drawn._outer == []
    assert len(drawn._lines.get_segments()) >= 1
    asked = plot_mixture(hard[-1], hard.X, blank(), ellipses=True, boundaries=False)
    assert len(asked._outer) == 2
    assert asked._lines is None


def test_one_feature_shows_curves_that_add_up(line):
    drawn = plot_mixture(line[-1], line.X, blank())
    assert isinstance(drawn, LineArtists)
    x, total = drawn._sum.get_data()
    assert np.trapezoid(total, x) == pytest.approx(1, abs=0.01)
    parts = np.nansum([curve.get_ydata() for curve in drawn._curves], axis=0)
    assert np.allclose(parts, total, atol=0.005 * total.max())
    heights = np.concatenate([points.get_offsets()[:, 1] for points in drawn._points])
    assert len(heights) == len(line.X)
    assert heights.max() < 0  # the points are in the strip below the density
    assert min(drawn.axes.get_yticks()) >= 0


def test_a_narrow_component_does_not_fall_between():
    spike = Mixture([0.5, 0.5], [[0.0], [3.21]], [[[9.0]], [[1e-8]]])
    drawn = plot_mixture(spike, np.linspace(-9, 9, 50)[:, np.newaxis], blank())
    peak = np.nanmax(drawn._curves[1].get_ydata())
    assert peak == pytest.approx(0.5 / np.sqrt(2 * np.pi * 1e-8), rel=1e-6)
    x, total = drawn._sum.get_data()
    assert np.trapezoid(total, x) == pytest.approx(1, abs=0.02)


def test_marginal_ellipses_but_colours_of_all_features(solid):
    drawn = plot_mixture(solid[-1], solid.X, blank(), features=(2, 0))
    assert isinstance(drawn, PlaneArtists)
    assert drawn.axes.get_xlabel() == "X[:, 2]"
    assert np.allclose(drawn._means[1].get_xydata()[0], solid.means[-1, 1, [2, 0]])
    assert np.allclose(drawn._outer[1].width, solid[-1].mixture.marginal([2, 0]).ellipses().widths[1])
    likely = solid[-1].responsibilities(solid.X).argmax(axis=1)
    assert [len(points.get_offsets()) for points in drawn._points] == np.bincount(likely, minlength=3).tolist()


def test_names_come_from_a_data_frame(trace):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(trace.X, columns=["eruption", "waiting"])
    drawn = plot_mixture(trace[-1], frame, blank())
    assert (drawn.axes.get_xlabel(), drawn.axes.get_ylabel()) == ("eruption", "waiting")


def test_the_look_does_not_depend_on_the_settings(trace):
    ax = Figure().subplots()  # matplotlib's own look
    plot_mixture(trace[-1], trace.X, ax, title="Old Faithful")
    title = ax._left_title
    assert (title.get_text(), title.get_fontsize(), title.get_fontweight()) == ("Old Faithful", theme.TITLE, "bold")
    assert ax.xaxis.label.get_fontsize() == theme.BODY


def test_without_axes_a_figure_of_the_course_is_made(trace):
    drawn = plot_mixture(trace[-1], trace.X)
    drawn.figure.draw_without_rendering()
    assert drawn.axes.get_xticklabels()[0].get_fontsize() == theme.SMALL
    assert not drawn.axes.spines["top"].get_visible()
    with theme.context(dark=True):
        drawn = plot_trace(trace)
    assert to_rgb(drawn.figure.get_facecolor()) == to_rgb(theme.DARK["background"])


def test_what_was_there_stays_in_view(trace):
    ax = blank()
    ax.plot([-50, 50], [0, 500])
    plot_mixture(trace[-1], trace.X, ax)
    assert ax.get_xlim()[0] <= -50
    assert ax.get_ylim()[1] >= 500


def test_errors_say_what_to_do(trace, solid):
    mixture = trace[-1].mixture
    with pytest.raises(ValueError, match=r"3 features .* features=\(0, 1\)"):
        plot_mixture(solid[-1], solid.X, blank())
    for features in ((0, 0), (0, 3), (0, 1, 2), ()):
        with pytest.raises(ValueError, match="one or two different numbers from 0 to 2"):
            plot_mixture(solid[-1], solid.X, blank(), features=features)
    with pytest.raises(ValueError, match="no shadow"):
        plot_mixture(solid[-1], solid.X, blank(), features=(0, 1), boundaries=True)
    with pytest.raises(ValueError, match=r"\(n_samples, 2\)"):
        plot_mixture(mixture, trace.X[:, :1], blank())
    with pytest.raises(ValueError, match="1 row with a value that is missing"):
        plot_mixture(mixture, np.array([[1.0, np.nan], [2.0, 60.0]]), blank())
    with pytest.raises(ValueError, match="n_std is -1"):
        plot_mixture(mixture, trace.X, blank(), n_std=-1)
    with pytest.raises(ValueError, match="1 name, but there are 2 features"):
        plot_mixture(mixture, trace.X, blank(), feature_names=["eruption"])
    with pytest.raises(TypeError, match="mixture_"):
        plot_mixture(GaussianMixture(2).fit(trace.X), trace.X, blank())
    drawn = plot_mixture(mixture, trace.X, blank())
    with pytest.raises(ValueError, match="make a new picture"):
        drawn.update(GaussianMixture(3, random_state=0).fit(trace.X).mixture_)


def test_a_component_without_weight_is_drawn(trace):
    means = np.array([[2.0, 55.0], [4.3, 80.0], [3.0, 70.0]])
    mixture = Mixture(np.array([0.5, 0.5, 0.0]), means, np.tile([0.1, 30.0], (3, 1)), "diag")
    drawn = plot_mixture(mixture, trace.X, blank(), density=True, boundaries=True)
    assert len(drawn._points[2].get_offsets()) == 0
    pixels(drawn.figure)


# --- a run -------------------------------------------------------------------------------------------------


def test_the_curve_marks_an_iteration(trace):
    drawn = plot_trace(trace, blank(), iteration=3)
    fresh = plot_trace(trace, blank(), iteration=7)
    artists, children = list(drawn.artists), drawn.axes.get_children()
    assert drawn._now.get_xydata().tolist() == [[3, trace.objective[3]]]
    assert "iteration 3: " + format_number(trace.objective[3]) in drawn.axes.texts[-1].get_text()
    drawn.update(7)
    assert np.array_equal(pixels(drawn.figure), pixels(fresh.figure))
    assert drawn.artists == artists
    assert drawn.axes.get_children() == children
    with pytest.raises(ValueError, match="goes from 0 to 20"):
        drawn.update(21)


def test_a_part_of_a_run_keeps_its_numbers(trace):
    drawn = plot_trace(trace[5:9], blank())
    assert drawn.iteration == 8
    assert drawn._now.get_xydata()[0, 0] == 8


def test_a_run_without_iterations_has_a_curve(trace):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pixels(plot_trace(trace[:1], blank()).figure)


def test_a_dreadful_start_does_not_flatten_the_curve():
    assert objective_limits(np.array([-2000.0, -1250.0, -1200.0, -1130.0])) == (-2000, -1130, False)
    assert objective_limits(np.array([-1e11, -320.0, -316.0, -315.0])) == (-320, -315, True)
    assert objective_limits(np.array([-1e11, -9e5, -316.0, -315.5, -315.0])) == (-316, -315, True)
    assert objective_limits(np.array([-3566.2, -1284.6, -1278.7, -1221.0, -1130.3])) == (-1284.6, -1130.3, True)
    assert objective_limits(np.array([-10.0, -5.0])) == (-10, -5, False)
    assert objective_limits(np.array([-5.0, -5.0, -5.0])) == (-5, -5, False)


def test_a_run_that_hardly_climbs_has_ticks_that_can_be_read(trace):
    level = [Snapshot(t, trace[0].mixture, -1289.7967 + 1e-11 * t) for t in range(4)]
    drawn = plot_trace(Trace(level, trace.X, trace.outcome), blank())
    drawn.figure.canvas.draw()
    labels = [label.get_text() for label in drawn.axes.get_yticklabels()]
    assert len(set(labels)) == len(labels) > 2
    assert max(map(len, labels)) < 10


@pytest.mark.parametrize(
    ("values", "width"), [(np.repeat([1.0, 2.0, 4.0], 30), 1.0), (np.arange(43.0, 97.0), 4.0), (np.full(9, 5.0), None)]
)
def test_bins_hold_as_many_whole_numbers_each(values, width):
    edges = bin_edges(values)
    assert edges[0] <= values.min() <= values.max() <= edges[-1]
    assert np.histogram(values, edges)[0].sum() == len(values)
    if width:
        np.testing.assert_allclose(np.diff(edges), width)
        assert edges[0] == values.min() - 0.5


# --- words -------------------------------------------------------------------------------------------------


def test_alternative_texts_must_say_something():
    with pytest.raises(ValueError, match=r"at least 40 characters; 'a  picture'|'a picture' has 9"):
        check_alt("a  picture")
    assert check_alt(" ".join(["word"] * 8 + ["words"])) == "word word word word word word word word words"
    assert ALT_LENGTH == 40


def test_describe_says_what_the_picture_shows(trace, hard, solid):
    words = describe(trace[-1], ["eruption", "waiting"])
    assert "2 components in 2 features, covariance type full" in words
    assert "After 20 iterations the log-likelihood is −1,130.3." in words
    assert "Component 0 (blue, circle): weight 64 %, mean eruption 4.29, waiting 79.97" in words
    assert "At the start" in describe(trace[0])
    assert "the inertia is 8,9" in describe(hard[-1])
    assert "weight" not in describe(hard[-1])
    many = GaussianMixture(6, random_state=0).fit(solid.X).mixture_
    assert re.search(r"Weights go from \d+ % to \d+ %\.", describe(many))
    for thing in (trace[0], trace[-1].mixture, hard[0], solid[-1], many):
        assert len(describe(thing)) >= ALT_LENGTH
    with pytest.raises(ValueError, match="1 name, but there are 2 features"):
        describe(trace[-1], ["eruption"])


def test_show_stores_the_text_and_closes_the_figure(trace, monkeypatch):
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda figure, **options: shown.append((figure, options)))
    drawn = plot_mixture(trace[-1], trace.X)
    with pytest.raises(ValueError, match="40 characters"):
        show(drawn, "Old Faithful")
    assert shown == []
    show(drawn, describe(trace[-1]))
    assert shown == [(drawn.figure, {"metadata": {"image/png": {"alt": describe(trace[-1])}}})]
    assert plt.get_fignums() == []


def test_numbers_for_people():
    assert format_number(-1130.264) == "−1,130.3"
    assert format_number(0.04026) == "0.0403"
    assert format_number(3.14159) == "3.14"
    assert format_number(-1.6e11) == "−1.6e+11"
    assert format_number(float("-inf")) == "−∞"
    assert percent(0.3935) == "39 %"
    assert percent(0.9999) == "99.99 %"  # not 100 %
    assert percent(1.0) == "100 %"
    assert mass_note(2.0) == "1σ: 39 %, 2σ: 86 % of a 2-D Gaussian"
    assert mass_note(0.5) == "0.5σ: 12 % of a 2-D Gaussian"


def test_importing_the_package_imports_no_pictures():
    tree = ast.parse(Path(visual.__file__).read_text(encoding="utf-8"))
    imported = {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert imported == {"__future__", "importlib", "typing"}
    assert not [node for node in tree.body if isinstance(node, ast.Import)]


def test_every_public_name_is_there():
    for name in visual.__all__:
        assert getattr(visual, name).__name__ == name
    assert set(visual.__all__) <= set(dir(visual))
    assert callable(animate)
    assert visual.animate.animate is animate  # in visual, that name is the module
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = visual.nothing


# --- the files in figures/ ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def drawings() -> dict:
    """Every picture, drawn once."""
    return {name: picture.make() for name, picture in figures.PICTURES.items()}


@pytest.fixture(scope="module")
def made(drawings, tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("figures")
    with pytest.MonkeyPatch.context() as patch:
        for name, picture in list(figures.PICTURES.items()):
            patch.setitem(figures.PICTURES, name, picture._replace(make=lambda name=name: drawings[name]))
        figures.make_figures(directory)
    return directory


def frames(path: Path) -> list[np.ndarray]:
    with Image.open(path) as image:
        return [np.asarray(frame.convert("RGB"), dtype=np.int16) for frame in ImageSequence.Iterator(image)]


def changed(one: np.ndarray, other: np.ndarray) -> float:
    """Share of the pixels that differ to the eye."""
    return float((np.abs(one - other).max(axis=-1) > 60).mean()) if one.shape == other.shape else 1.0


MOST_CHANGED = 0.0005  # a word in a title is 0.0015; rounding on another processor touches a few edges


@pytest.mark.skipif(mpl.__version_info__ < (3, 11), reason="the pictures have the letters of matplotlib 3.11")
@pytest.mark.parametrize("name", figures.PICTURES)
def test_figures_are_what_the_code_makes(made, name):
    kept, new = frames(FIGURES / name), frames(made / name)
    assert len(kept) == len(new), "run `gmmteach figures` and look at the result"
    for number, (one, other) in enumerate(zip(kept, new, strict=True)):
        share = changed(one, other)
        assert share < MOST_CHANGED, f"frame {number} differs in {share:.1%}: run `gmmteach figures`, and look at it"


def test_the_comparison_of_figures_can_fail(made):
    steps = frames(made / "em-old-faithful.gif")
    assert changed(steps[0], steps[1]) > MOST_CHANGED  # grey points, coloured points
    assert changed(steps[1], steps[2]) > MOST_CHANGED  # the first M-step
    assert changed(steps[4], steps[6]) > MOST_CHANGED  # while they hesitate, one iteration apart
    assert changed(steps[-1], frames(made / "em-old-faithful.png")[0]) == 0


def test_figures_have_the_same_bytes_every_time(made, tmp_path):
    names = ["em-old-faithful.gif", "components.png"]
    for path in figures.make_figures(tmp_path, names):
        assert path.read_bytes() == (made / path.name).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_figures_carry_no_date_and_no_program(made):
    for path in made.glob("*.png"):
        with Image.open(path) as image:
            assert not {"Software", "Creation Time", "date:create"} & set(image.info)


def test_the_moving_picture_of_the_readme(made):
    path = made / "em-old-faithful.gif"
    assert path.stat().st_size < 600_000
    with Image.open(path) as image:
        length = sum(frame.info["duration"] for frame in ImageSequence.Iterator(image)) / 1000
        assert image.info["loop"] == 0
    assert 12 <= length <= 16


def test_the_readme_lists_every_picture(made):
    listing = (FIGURES / "README.md").read_text(encoding="utf-8")
    assert listing == figures.listing() == (made / "README.md").read_text(encoding="utf-8")
    for name, picture in figures.PICTURES.items():
        assert len(picture.alt) >= ALT_LENGTH
        assert f"![{picture.alt}]({name})" in listing
    assert sorted(path.name for path in FIGURES.iterdir()) == sorted([*figures.PICTURES, "README.md"])


def test_an_unknown_picture_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"no picture 'em\.gif'; there are em-old-faithful\.gif"):
        figures.make_figures(tmp_path / "new", ["em.gif"])
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", figures.PICTURES)
def test_every_word_can_be_read_and_none_is_cut_off(drawings, name):
    made = drawings[name]
    if isinstance(made, np.ndarray):
        return  # a frame of the animation before
    if isinstance(made, Animation):
        made.stage.draw(made.steps[2])
    figure = made.stage.figure if isinstance(made, Animation) else made
    if figure is made:
        pixels(figure)
    texts = {text for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()}
    texts -= _ticks_out_of_view(figure)
    assert texts
    for text in texts:
        assert text.get_fontsize() >= 12, text
        box = text.get_window_extent()
        assert box.x0 >= -0.5, text
        assert box.y0 >= -0.5, text
        assert box.x1 <= figure.bbox.x1 + 0.5, text
        assert box.y1 <= figure.bbox.y1 + 0.5, text
    assert all(ax.get_legend() is None for ax in figure.axes)
    titles = [ax._left_title.get_window_extent() for ax in figure.axes]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(titles, 2) if one.width and other.width)


def _ticks_out_of_view(figure: Figure) -> set[Text]:
    """Labels of ticks outside the limits, which matplotlib keeps but does not draw."""
    kept, drawn = set(), set()
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            kept |= {label for tick in axis.majorTicks for label in (tick.label1, tick.label2)}
            drawn |= {label for tick in axis._update_ticks() for label in (tick.label1, tick.label2)}
    return kept - drawn


def test_a_picture_that_fails_leaves_the_old_one(made, tmp_path, monkeypatch):
    path = tmp_path / "components.png"
    path.write_bytes(b"the old one")

    def fail(unfinished, data):
        with unfinished.open("wb") as file:
            file.write(data[:100])
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="disk full"):
        figures.make_figures(tmp_path, ["components.png"])
    assert path.read_bytes() == b"the old one"
    assert [p.name for p in tmp_path.iterdir()] == ["components.png"]


def test_k_means_estimator_traces_are_drawn(trace):
    run = KMeans(2, random_state=0, n_init=1).fit(trace.X).trace_
    drawn = plot_mixture(run[-1], trace.X, blank())
    assert drawn.axes.get_children()
