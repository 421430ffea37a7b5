"""Data for the course: five small real tables and six synthetic makers, each with the lesson it carries.

The loaders follow scikit-learn: ``load_faithful()`` returns a ``Bunch`` with ``data``, ``target``,
``feature_names`` and ``DESCR``; ``return_X_y=True`` returns the pair ``(X, y)``; ``as_frame=True`` gives
pandas objects. The makers return ``(X, labels)`` and are seeded.
"""

from gmmteach.datasets.real import load_crabs, load_customers, load_faithful, load_galaxies, load_penguins
from gmmteach.datasets.synthetic import (
    make_collapse_trap,
    make_moons,
    make_overlapping_blobs,
    make_rings,
    make_stretched,
    make_unequal,
)

__all__ = [
    "load_crabs",
    "load_customers",
    "load_faithful",
    "load_galaxies",
    "load_penguins",
    "make_collapse_trap",
    "make_moons",
    "make_overlapping_blobs",
    "make_rings",
    "make_stretched",
    "make_unequal",
]
