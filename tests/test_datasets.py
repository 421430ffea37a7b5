"""The data: the published numbers, scikit-learn's conventions, and each maker's lesson in numbers."""

import doctest
import sys
from importlib import resources

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from sklearn.utils import Bunch

import gmmteach.datasets
from gmmteach import datasets
from gmmteach.datasets import real, synthetic

LOADERS = {
    "faithful": datasets.load_faithful,
    "penguins": datasets.load_penguins,
    "customers": datasets.load_customers,
    "galaxies": datasets.load_galaxies,
    "crabs": datasets.load_crabs,
}
WITHOUT_GROUPS = {"faithful", "galaxies"}
MAKERS = [
    datasets.make_overlapping_blobs,
    datasets.make_stretched,
    datasets.make_unequal,
    datasets.make_moons,
    datasets.make_rings,
    datasets.make_collapse_trap,
]

each_loader = pytest.mark.parametrize("name", LOADERS)
each_maker = pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)


def test_every_public_name_is_listed_and_documented():
    assert sorted(datasets.__all__) == sorted(f.__name__ for f in [*LOADERS.values(), *MAKERS])
    for name in datasets.__all__:
        assert "Lesson:" in getattr(datasets, name).__doc__


# --- the five tables ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "rows", "means", "sds"),
    [
        ("faithful", 272, [3.4878, 70.8971], [1.1414, 13.5950]),
        ("penguins", 344, [43.9219, 17.1512, 200.9152, 4201.7544], None),
        (
            "customers",
            440,
            [12000.30, 5796.27, 7951.28, 3071.93, 2881.49, 1524.87],
            [12647.33, 7380.38, 9503.16, 4854.67, 4767.85, 2820.11],
        ),
        ("galaxies", 82, [20831.46], [4568.13]),
        ("crabs", 200, [15.5830, 12.7385, 32.1055, 36.4145, 14.0305], None),
    ],
)
def test_shape_means_and_standard_deviations_are_the_published_ones(name, rows, means, sds):
    X = LOADERS[name]().data
    digits = 2 if name in ("customers", "galaxies") else 4
    assert X.shape == (rows, len(means))
    assert X.dtype == np.float64
    np.testing.assert_array_equal(np.round(np.nanmean(X, axis=0), digits), means)
    if sds is not None:
        np.testing.assert_array_equal(np.round(np.nanstd(X, axis=0, ddof=1), digits), sds)


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("penguins", {"Adelie": 152, "Chinstrap": 68, "Gentoo": 124}),
        ("customers", {"hotel/restaurant/cafe": 298, "retail": 142}),
        ("crabs", {"BF": 50, "BM": 50, "OF": 50, "OM": 50}),
    ],
)
def test_the_target_counts_its_groups(name, counts):
    bunch = LOADERS[name]()
    assert dict(zip(bunch.target_names, np.bincount(bunch.target), strict=True)) == counts
    assert bunch.target.shape == (len(bunch.data),)


def test_rows_keep_their_own_group():
    crabs, penguins, customers = datasets.load_crabs(), datasets.load_penguins(), datasets.load_customers()
    np.testing.assert_array_equal(crabs.data[0], [8.1, 6.7, 16.1, 19.0, 7.0])
    assert crabs.target_names[crabs.target[0]] == "BM"
    np.testing.assert_array_equal(penguins.data[0], [39.1, 18.7, 181, 3750])
    assert penguins.target_names[penguins.target[0]] == "Adelie"
    np.testing.assert_array_equal(customers.data[0], [12669, 9656, 7561, 214, 2674, 1338])
    assert customers.target_names[customers.target[0]] == "retail"


def test_facts_that_the_notebooks_lean_on():
    eruptions, waiting = datasets.load_faithful().data.T
    assert np.corrcoef(eruptions, waiting)[0, 1] == pytest.approx(0.9008, abs=5e-5)
    penguins = datasets.load_penguins().data
    missing = np.isnan(penguins)
    assert missing.any(axis=1).sum() == 2
    assert missing.all(axis=1).sum() == 2  # a bird is measured altogether or not at all
    galaxies = datasets.load_galaxies().data[:, 0]
    assert galaxies[77] == 26960  # not MASS's 26690
    assert (np.diff(galaxies) >= 0).all()
    assert datasets.load_customers().data.min() == 3
    assert np.corrcoef(datasets.load_crabs().data.T).min() > 0.885


def test_the_other_columns_stay_within_reach():
    penguins = datasets.load_penguins().extras
    assert list(penguins) == ["island", "sex", "year"]
    assert dict(zip(*np.unique(penguins["sex"], return_counts=True), strict=True)) == {
        "NA": 11,
        "female": 165,
        "male": 168,
    }
    regions = datasets.load_customers().extras["Region"]
    assert dict(zip(*np.unique(regions, return_counts=True), strict=True)) == {"1": 77, "2": 47, "3": 316}
    assert list(datasets.load_crabs().extras) == ["index"]
    assert datasets.load_faithful().extras == {}


def test_log_likelihood_of_one_gaussian_on_the_galaxies():
    X = datasets.load_galaxies().data / 1000
    assert GaussianMixture(1).fit(X).score(X) * len(X) == pytest.approx(-240.416, abs=5e-4)


# --- scikit-learn's conventions -------------------------------------------------------------------


@each_loader
def test_bunch_has_scikit_learns_fields(name):
    bunch = LOADERS[name]()
    assert isinstance(bunch, Bunch)
    assert isinstance(bunch.feature_names, list)
    assert len(bunch.feature_names) == bunch.data.shape[1]
    assert list(bunch.units) == bunch.feature_names
    assert all(bunch.units.values())
    assert bunch.frame is None
    assert resources.files(bunch.data_module).joinpath(bunch.filename).is_file()
    if name in WITHOUT_GROUPS:
        assert bunch.target is None
        assert bunch.target_names is None
    else:
        assert bunch.target.dtype.kind == "i"
        assert set(bunch.target) == set(range(len(bunch.target_names)))


@each_loader
def test_the_description_tells_lesson_units_source_and_licence(name):
    bunch = LOADERS[name]()
    for word in ["**The lesson.**", "**Source.**", "**Licence.**", "**Changes.**", *bunch.units.values()]:
        assert word in bunch.DESCR
    for feature in bunch.feature_names:
        assert feature in bunch.DESCR
    assert bunch.lesson.endswith(".")


@pytest.mark.parametrize(
    ("name", "phrases"),
    [
        ("faithful", ["doi:10.2307/2347385", "MIT licence", "(c) 2022 Hassan Kibirige"]),
        ("penguins", ["doi:10.1371/journal.pone.0090081", "CC0 1.0"]),
        ("customers", ["Cardoso", "doi:10.24432/C5030X", "CC BY 4.0", "creativecommons.org", "LF line ends"]),
        ("galaxies", ["Roeder", "not\ncopyright", "26960"]),
        ("crabs", ["doi:10.1071/ZO9740417", "not\ncopyright"]),
    ],
)
def test_the_description_credits_what_its_licence_asks_for(name, phrases):
    for phrase in phrases:
        assert phrase in LOADERS[name]().DESCR


def test_the_licences_travel_with_the_tables():
    readme = resources.files(gmmteach.datasets).joinpath("data", "README.md").read_text(encoding="utf-8")
    assert "Permission is hereby granted" in readme
    for bunch in (load() for load in LOADERS.values()):
        assert f"`{bunch.filename}`" in readme


@each_loader
def test_return_X_y(name):
    bunch, (X, y) = LOADERS[name](), LOADERS[name](return_X_y=True)
    np.testing.assert_array_equal(X, bunch.data)
    if name in WITHOUT_GROUPS:
        assert y is None
    else:
        np.testing.assert_array_equal(y, bunch.target)


@each_loader
def test_as_frame(name):
    pd = pytest.importorskip("pandas")
    plain, bunch = LOADERS[name](), LOADERS[name](as_frame=True)
    assert isinstance(bunch.data, pd.DataFrame)
    assert list(bunch.data.columns) == plain.feature_names
    np.testing.assert_array_equal(bunch.data, plain.data)
    if name in WITHOUT_GROUPS:
        assert bunch.target is None
        assert list(bunch.frame.columns) == plain.feature_names
    else:
        assert isinstance(bunch.target, pd.Series)
        assert bunch.target.name == "target"
        assert list(bunch.frame.columns) == [*plain.feature_names, "target"]
        np.testing.assert_array_equal(bunch.frame["target"], plain.target)

    X, y = LOADERS[name](return_X_y=True, as_frame=True)
    pd.testing.assert_frame_equal(X, bunch.data)
    assert (y is None) == (name in WITHOUT_GROUPS)


@each_loader
def test_options_are_keyword_only(name):
    with pytest.raises(TypeError, match="positional"):
        LOADERS[name](True)


@each_loader
def test_every_call_returns_fresh_writable_arrays(name):
    first, second = LOADERS[name](), LOADERS[name]()
    first.data[:] = -1.0
    first.feature_names.clear()
    first.units.clear()
    assert not (second.data == -1.0).any()
    assert (LOADERS[name]().data == second.data).sum() == (~np.isnan(second.data)).sum()
    assert len(LOADERS[name]().feature_names) == len(LOADERS[name]().units) == second.data.shape[1]


def test_a_frame_is_not_a_view_of_its_data():
    pytest.importorskip("pandas")
    bunch = datasets.load_faithful(as_frame=True)
    bunch.data.iloc[0, 0] = -1.0
    assert bunch.frame.iloc[0, 0] == 3.6


def test_without_pandas_as_frame_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"pip install pandas.*as_frame=False"):
        datasets.load_faithful(as_frame=True)
    assert datasets.load_faithful().data.shape == (272, 2)


# --- the makers -----------------------------------------------------------------------------------


@each_maker
def test_makers_return_points_and_labels(make):
    X, labels = make(301, random_state=3)
    assert X.shape == (301, 2)
    assert X.dtype == np.float64
    assert labels.shape == (301,)
    assert labels.dtype.kind == "i"
    assert set(labels) == set(range(labels.max() + 1))
    assert (np.diff(labels) < 0).any()  # shuffled


@each_maker
def test_makers_are_seeded(make):
    for first, again in zip(make(), make(random_state=0), strict=True):
        np.testing.assert_array_equal(first, again)
    assert not np.array_equal(make(random_state=1)[0], make()[0])
    one = make(random_state=np.random.RandomState(7))
    two = make(random_state=np.random.RandomState(7))
    np.testing.assert_array_equal(one[0], two[0])


@each_maker
def test_no_seed_is_fresh_and_leaves_numpys_global_state_alone(make):
    before = np.random.get_state()[1].copy()  # noqa: NPY002 (looked at, not drawn from)
    assert not np.array_equal(make(random_state=None)[0], make(random_state=None)[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: datasets.make_overlapping_blobs(2), "n_samples must be 3 or more, got 2"),
        (lambda: datasets.make_overlapping_blobs(n_components=0), "n_components must be 1 or more, got 0"),
        (lambda: datasets.make_overlapping_blobs(separation=-1), "separation must not be negative, got -1"),
        (lambda: datasets.make_stretched(stretch=0), "stretch must be positive, got 0"),
        (lambda: datasets.make_unequal(weights=(1, 1)), "weights must be 3 positive numbers"),
        (lambda: datasets.make_unequal(spreads=(1, 1, -1)), "spreads must be 3 positive numbers"),
        (
            lambda: datasets.make_collapse_trap(10, n_copies=10),
            "n_copies must be from 1 to n_samples - 1 = 9",
        ),
        (lambda: datasets.make_collapse_trap(spread=-0.1), "spread must not be negative, got -0.1"),
    ],
)
def test_makers_say_what_was_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_truth_in_the_docstrings_is_the_truth():
    """With 60,000 points the moments of each component are the documented ones."""
    n = 60_000

    X, labels = datasets.make_overlapping_blobs(n, n_components=4, separation=3)
    means = np.array([X[labels == k].mean(axis=0) for k in range(4)])
    np.testing.assert_allclose(np.linalg.norm(means - np.roll(means, 1, axis=0), axis=1), 3, atol=0.05)
    np.testing.assert_allclose(means.mean(axis=0), 0, atol=0.02)
    np.testing.assert_allclose(np.cov(X[labels == 2].T), np.eye(2), atol=0.05)

    X, labels = datasets.make_overlapping_blobs(n, n_components=2, separation=1.5)
    means = np.array([X[labels == k].mean(axis=0) for k in range(2)])
    np.testing.assert_allclose(means, [[-0.75, 0], [0.75, 0]], atol=0.02)
    X, _ = datasets.make_overlapping_blobs(n, n_components=1)
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=0.02)

    X, labels = datasets.make_stretched(n, stretch=4, angle=30)
    along = np.array([np.sqrt(3) / 2, 0.5])
    across = np.array([-0.5, np.sqrt(3) / 2])
    for k in range(3):
        part = X[labels == k]
        np.testing.assert_allclose(part.mean(axis=0), (k - 1) * (3 * along + 2.25 * across), atol=0.05)
        np.testing.assert_allclose([(part @ along).std(), (part @ across).std()], [2.0, 0.5], rtol=0.02)

    X, labels = datasets.make_unequal(n)
    assert np.bincount(labels).tolist() == [48_000, 6_000, 6_000]
    for k, (mean, spread) in enumerate(zip([(0, 0), (4.5, 3), (4.5, -3)], [2.0, 0.4, 0.4], strict=True)):
        np.testing.assert_allclose(X[labels == k].mean(axis=0), mean, atol=0.05)
        np.testing.assert_allclose(X[labels == k].std(axis=0), spread, rtol=0.02)

    X, labels = datasets.make_moons(n, noise=0)
    np.testing.assert_allclose(np.linalg.norm(X[labels == 0], axis=1), 1)
    np.testing.assert_allclose(np.linalg.norm(X[labels == 1] - [1, 0.5], axis=1), 1)
    X, labels = datasets.make_rings(n, noise=0, factor=0.3)
    np.testing.assert_allclose(np.linalg.norm(X, axis=1), np.where(labels == 0, 1.0, 0.3))

    X, labels = datasets.make_collapse_trap(n, n_copies=20_000, spread=0.01)
    np.testing.assert_allclose(np.cov(X[labels == 0].T), np.eye(2), atol=0.05)
    np.testing.assert_allclose(X[labels == 1].mean(axis=0), [8, 0], atol=1e-3)
    np.testing.assert_allclose(X[labels == 1].std(axis=0), 0.01, rtol=0.02)


# --- each lesson, in numbers ----------------------------------------------------------------------


def agreement(X, labels, model) -> float:
    """The adjusted Rand index of a fit with the truth: 1 is perfect, 0 is chance."""
    return adjusted_rand_score(labels, model.fit_predict(X))


def k_means(n_clusters, seed=0):
    return KMeans(n_clusters, n_init=10, random_state=seed)


def mixture(n_components, covariance_type="full", seed=0, **options):
    return GaussianMixture(n_components, covariance_type=covariance_type, random_state=seed, **options)


@pytest.mark.parametrize("seed", range(3))
def test_lesson_overlap_alone_does_not_defeat_k_means(seed):
    X, labels = datasets.make_overlapping_blobs(3000, random_state=seed)
    hard, soft = agreement(X, labels, k_means(3)), agreement(X, labels, mixture(3, "spherical"))
    assert hard == pytest.approx(soft, abs=0.02)
    unsure = mixture(3, "spherical").fit(X).predict_proba(X).max(axis=1) < 0.9
    assert 0.35 < unsure.mean() < 0.65  # what the hard assignment hides


def test_lesson_the_best_rule_errs_as_often_as_the_docstring_says():
    for separation, share in [(2.5, 0.106), (1.5, 0.227)]:
        X, labels = datasets.make_overlapping_blobs(100_000, n_components=2, separation=separation)
        assert np.mean((X[:, 0] > 0) != labels) == pytest.approx(share, abs=0.005)


@pytest.mark.parametrize("seed", range(5))
def test_lesson_stretched_clusters_need_a_direction(seed):
    X, labels = datasets.make_stretched(random_state=seed)
    assert agreement(X, labels, k_means(3)) < 0.5
    assert agreement(X, labels, mixture(3, "spherical")) < 0.5
    assert agreement(X, labels, mixture(3, "diag")) < 0.5
    assert agreement(X, labels, mixture(3, "tied")) > 0.9
    assert agreement(X, labels, mixture(3, "full")) > 0.9


@pytest.mark.parametrize("seed", range(5))
def test_lesson_unequal_clusters_need_weights_and_spreads(seed):
    X, labels = datasets.make_unequal(random_state=seed)
    assert agreement(X, labels, k_means(3)) < 0.4
    assert agreement(X, labels, mixture(3, "full")) > 0.85
    assert agreement(X, labels, mixture(3, "spherical")) > 0.85


def test_lesson_two_components_are_not_two_moons():
    X, labels = datasets.make_moons()
    assert agreement(X, labels, mixture(2)) == pytest.approx(0.5, abs=0.03)
    bic = [mixture(k, n_init=3).fit(X).bic(X) for k in range(1, 14)]
    assert 8 <= 1 + np.argmin(bic) <= 12


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
def test_lesson_two_components_never_find_two_rings(covariance_type):
    X, labels = datasets.make_rings()
    assert agreement(X, labels, mixture(2, covariance_type)) < 0.05
    inverse = np.array([np.linalg.inv(np.cov(X[labels == k].T)) for k in range(2)])
    precisions = {
        "full": inverse,
        "tied": np.linalg.inv(np.cov(X.T)),
        "diag": np.array([np.diag(matrix) for matrix in inverse]),
        "spherical": inverse[:, 0, 0],
    }[covariance_type]
    means = np.array([X[labels == k].mean(axis=0) for k in range(2)])
    from_the_truth = mixture(2, covariance_type, means_init=means, precisions_init=precisions, tol=1e-6)
    assert agreement(X, labels, from_the_truth) < 0.05


def test_lesson_the_trap_collapses():
    X, _ = datasets.make_collapse_trap()
    with pytest.raises(ValueError, match="collapsed"):
        mixture(2, reg_covar=0).fit(X)
    floored = mixture(2).fit(X)
    assert np.sqrt(np.linalg.eigvalsh(floored.covariances_)).min() == pytest.approx(1e-3)
    assert floored.score(X) > mixture(1).fit(X).score(X) + 1
    X, labels = datasets.make_collapse_trap(spread=0.01)
    assert agreement(X, labels, mixture(2, reg_covar=0)) == 1.0  # a spike, but a finite one


def test_lesson_penguins_need_full_covariances():
    X, y = datasets.load_penguins(return_X_y=True)
    measured = ~np.isnan(X).any(axis=1)
    assert agreement(X[measured], y[measured], mixture(3, "full")) > 0.95
    assert agreement(X[measured], y[measured], mixture(3, "diag", n_init=5)) < 0.65


def test_lesson_crabs_hang_on_the_start():
    X, y = datasets.load_crabs(return_X_y=True)
    from_k_means = mixture(4, n_init=10).fit(X)
    assert adjusted_rand_score(y, from_k_means.predict(X)) < 0.1
    means = np.array([X[y == k].mean(axis=0) for k in range(4)])
    precisions = np.array([np.linalg.inv(np.cov(X[y == k].T)) for k in range(4)])
    from_the_groups = mixture(4, means_init=means, precisions_init=precisions).fit(X)
    assert adjusted_rand_score(y, from_the_groups.predict(X)) > 0.75
    assert from_k_means.score(X) * len(X) == pytest.approx(-1384, abs=1)
    assert from_the_groups.score(X) * len(X) == pytest.approx(-1224, abs=1)


@pytest.mark.parametrize("module", [real, synthetic], ids=["real", "synthetic"])
def test_the_examples_in_the_docstrings_run(module):
    results = doctest.testmod(module)
    assert results.attempted > 0
    assert results.failed == 0
