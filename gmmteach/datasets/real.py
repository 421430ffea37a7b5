"""Five small real data sets, in scikit-learn's ``Bunch`` convention.

Every loader takes the same two keyword-only options and returns the same fields:

========================= ==========================================================================
``data``                  (n_samples, n_features) float array: the numeric measurements, nothing else
``target``                (n_samples,) integers that index ``target_names``, or None: no groups are known
``feature_names``         list of the column names, in the order of ``data``
``target_names``          array of the group names, or None
``units``                 the unit of each feature, by name
``extras``                the columns of the file that are neither ``data`` nor ``target``, by name
``lesson``                what this data set teaches, in one sentence
``DESCR``                 what it is, its lesson, units, source, citation and licence
``frame``                 data and target in one pandas DataFrame with ``as_frame=True``, else None
``filename``              the CSV's name, inside the package ``data_module``
========================= ==========================================================================

With ``return_X_y=True`` a loader returns the pair ``(data, target)``; where no groups are known that is
``(X, None)``, as ``sklearn.datasets.fetch_openml`` has it. Arrays are made afresh on every call, so
changing one changes nothing else.
"""

import csv
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import numpy as np
from sklearn.utils import Bunch

_PACKAGE = "gmmteach.datasets"
_MISSING = "NA"


@dataclass(frozen=True)
class _Table:
    """What a loader needs to know about one CSV file."""

    name: str  # of the CSV and of its description
    lesson: str
    units: dict[str, str]  # feature -> unit; its keys are the measurements, in the order of `data`
    groups: dict[str, str] = field(default_factory=dict)  # the target column's value -> the group's name
    group_columns: tuple[str, ...] = ()  # the target is these columns, joined


def load_faithful(*, return_X_y: bool = False, as_frame: bool = False) -> Any:
    """Eruptions of the Old Faithful geyser: 272 rows, duration and waiting time in minutes, no target.

    Lesson: two groups that the eye finds at once and that EM finds as well, in two dimensions that can be
    drawn; the units differ by a factor of twelve in spread, which k-means feels and a full-covariance
    mixture does not.

    Parameters
    ----------
    return_X_y : bool, default=False
        Return ``(X, None)`` instead of a ``Bunch``.
    as_frame : bool, default=False
        Give pandas objects instead of arrays; needs pandas, or raises ImportError.

    Returns
    -------
    Bunch, or (X, None)
        Its fields are listed at the top of this module.

    References
    ----------
    Azzalini and Bowman (1990), doi:10.2307/2347385; this version, of 272 rows, from Härdle (1991).

    Examples
    --------
    >>> X = load_faithful().data
    >>> X.shape
    (272, 2)
    """
    return _load(_FAITHFUL, return_X_y=return_X_y, as_frame=as_frame)


def load_penguins(*, return_X_y: bool = False, as_frame: bool = False) -> Any:
    """Penguins of the Palmer Archipelago: 344 rows, four measurements (mm, g), target = species.

    Lesson: three species whose features correlate *within* each species, so full covariances recover
    them almost perfectly and diagonal ones do not. Two birds were not measured: their rows are NaN
    (``X[~np.isnan(X).any(axis=1)]`` leaves 342).

    Parameters
    ----------
    return_X_y : bool, default=False
        Return ``(X, y)`` instead of a ``Bunch``.
    as_frame : bool, default=False
        Give pandas objects instead of arrays; needs pandas, or raises ImportError.

    Returns
    -------
    Bunch, or (X, y)
        Its fields are listed at the top of this module. Island, sex and year are in ``extras``.

    References
    ----------
    Gorman, Williams and Fraser (2014), doi:10.1371/journal.pone.0090081.

    Examples
    --------
    >>> penguins = load_penguins()
    >>> penguins.data.shape, [str(name) for name in penguins.target_names]
    ((344, 4), ['Adelie', 'Chinstrap', 'Gentoo'])
    """
    return _load(_PENGUINS, return_X_y=return_X_y, as_frame=as_frame)


def load_customers(*, return_X_y: bool = False, as_frame: bool = False) -> Any:
    """Clients of a Portuguese wholesaler: 440 rows, yearly spending on six goods, target = channel.

    Lesson: real segments overlap and are skewed; after a logarithm two broad groups appear, and the
    customers between them show what a responsibility of 0.5 means.

    Parameters
    ----------
    return_X_y : bool, default=False
        Return ``(X, y)`` instead of a ``Bunch``.
    as_frame : bool, default=False
        Give pandas objects instead of arrays; needs pandas, or raises ImportError.

    Returns
    -------
    Bunch, or (X, y)
        Its fields are listed at the top of this module. The target is 0 for hotel/restaurant/cafe and 1
        for retail (1 and 2 in the file). The region is in ``extras``.

    References
    ----------
    Cardoso (2013), doi:10.24432/C5030X, CC BY 4.0.

    Examples
    --------
    >>> customers = load_customers()
    >>> customers.data.shape, customers.data.min()
    ((440, 6), np.float64(3.0))
    """
    return _load(_CUSTOMERS, return_X_y=return_X_y, as_frame=as_frame)


def load_galaxies(*, return_X_y: bool = False, as_frame: bool = False) -> Any:
    """Recession velocities of 82 galaxies: one column, km/s, sorted, no target.

    Lesson: nobody knows how many components there are, and published answers differ. As for every mixture, the
    likelihood has no upper bound; here close pairs invite a component to collapse, so a likelihood means little
    without a floor on the variance.

    Parameters
    ----------
    return_X_y : bool, default=False
        Return ``(X, None)`` instead of a ``Bunch``.
    as_frame : bool, default=False
        Give pandas objects instead of arrays; needs pandas, or raises ImportError.

    Returns
    -------
    Bunch, or (X, None)
        Its fields are listed at the top of this module. ``data`` is (82, 1): divide by 1000 to compare
        with the literature.

    References
    ----------
    Roeder (1990); Postman, Huchra and Geller (1986).

    Examples
    --------
    >>> X, y = load_galaxies(return_X_y=True)
    >>> X.shape, y is None
    ((82, 1), True)
    """
    return _load(_GALAXIES, return_X_y=return_X_y, as_frame=as_frame)


def load_crabs(*, return_X_y: bool = False, as_frame: bool = False) -> Any:
    """Rock crabs of Fremantle: 200 rows, five lengths in mm, target = colour form and sex.

    Lesson: the five lengths are nearly one number (size), and the groups differ in shape, which only the
    small directions show. Diagonal and spherical covariances fail. So does the usual k-means start, which
    groups by size and which EM never leaves: full covariances find the groups from random responsibilities
    and restarts.

    Parameters
    ----------
    return_X_y : bool, default=False
        Return ``(X, y)`` instead of a ``Bunch``.
    as_frame : bool, default=False
        Give pandas objects instead of arrays; needs pandas, or raises ImportError.

    Returns
    -------
    Bunch, or (X, y)
        Its fields are listed at the top of this module. The groups are BF, BM, OF, OM: blue or orange,
        female or male. The number within the group is in ``extras``.

    References
    ----------
    Campbell and Mahon (1974), doi:10.1071/ZO9740417.

    Examples
    --------
    >>> crabs = load_crabs()
    >>> crabs.data.shape, [str(name) for name in crabs.target_names]
    ((200, 5), ['BF', 'BM', 'OF', 'OM'])
    """
    return _load(_CRABS, return_X_y=return_X_y, as_frame=as_frame)


_FAITHFUL = _Table(
    name="faithful",
    lesson="Two groups that can be seen, and found, in two dimensions whose units differ.",
    units={"eruptions": "min", "waiting": "min"},
)

_PENGUINS = _Table(
    name="penguins",
    lesson="Features that correlate within a group: full covariances find the species, diagonal ones do not.",
    units={"bill_length_mm": "mm", "bill_depth_mm": "mm", "flipper_length_mm": "mm", "body_mass_g": "g"},
    groups={"Adelie": "Adelie", "Chinstrap": "Chinstrap", "Gentoo": "Gentoo"},
    group_columns=("species",),
)

_CUSTOMERS = _Table(
    name="wholesale_customers",
    lesson="Real segments overlap and are skewed: take logarithms, then look at the customers in between.",
    units=dict.fromkeys(
        ["Fresh", "Milk", "Grocery", "Frozen", "Detergents_Paper", "Delicassen"], "monetary units a year"
    ),
    groups={"1": "hotel/restaurant/cafe", "2": "retail"},
    group_columns=("Channel",),
)

_GALAXIES = _Table(
    name="galaxies",
    lesson="Nobody knows how many components there are, and the likelihood has no maximum.",
    units={"velocity_km_s": "km/s"},
)

_CRABS = _Table(
    name="crabs",
    lesson="Size hides shape: the groups need full covariances and a start that is not k-means.",
    units=dict.fromkeys(["FL", "RW", "CL", "CW", "BD"], "mm"),
    groups={"BF": "BF", "BM": "BM", "OF": "OF", "OM": "OM"},
    group_columns=("sp", "sex"),
)


def _load(table: _Table, *, return_X_y: bool, as_frame: bool) -> Any:
    """Read one table and arrange it as scikit-learn's own loaders do."""
    columns = _read_columns(table.name)
    data: Any = np.column_stack([_numbers(columns[name]) for name in table.units])
    target: Any = _codes(table, columns) if table.groups else None
    frame = None
    if as_frame:
        frame, data, target = _as_frame(table, data, target)
    if return_X_y:
        return data, target

    used = {*table.units, *table.group_columns}
    return Bunch(
        data=data,
        target=target,
        frame=frame,
        feature_names=list(table.units),
        target_names=np.array(list(table.groups.values())) if table.groups else None,
        units=dict(table.units),
        extras={name: np.array(values) for name, values in columns.items() if name not in used},
        lesson=table.lesson,
        DESCR=_read_text("descr", f"{table.name}.rst"),
        filename=f"{table.name}.csv",
        data_module=f"{_PACKAGE}.data",
    )


def _read_text(folder: str, filename: str) -> str:
    return resources.files(_PACKAGE).joinpath(folder, filename).read_text(encoding="utf-8")


def _read_columns(name: str) -> dict[str, list[str]]:
    """The CSV's columns as text, by name."""
    header, *rows = csv.reader(_read_text("data", f"{name}.csv").splitlines())
    return {column: [row[i] for row in rows] for i, column in enumerate(header)}


def _numbers(values: list[str]) -> np.ndarray:
    return np.array([np.nan if value == _MISSING else float(value) for value in values])


def _codes(table: _Table, columns: dict[str, list[str]]) -> np.ndarray:
    """The group of every row, as an index into the group names."""
    order = {value: code for code, value in enumerate(table.groups)}
    rows = zip(*(columns[name] for name in table.group_columns), strict=True)
    return np.array([order["".join(row)] for row in rows])


def _as_frame(table: _Table, data: np.ndarray, target: np.ndarray | None) -> tuple[Any, Any, Any]:
    """(frame, data, target) as pandas objects; the frame holds data and target side by side."""
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            f"as_frame=True needs pandas, which is not installed. Install it with: pip install pandas, "
            f"or leave as_frame=False to get the {table.name} data as NumPy arrays."
        ) from error
    features = pd.DataFrame(data, columns=list(table.units))
    if target is None:
        return features.copy(), features, None
    groups = pd.Series(target, name="target")
    return pd.concat([features, groups], axis=1), features, groups
