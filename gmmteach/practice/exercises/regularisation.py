"""Adding `reg_covar` to every variance, in the four shapes that covariances have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .model import Arguments, Array, Exercise, Mistake, Outputs, Property, number

MATRICES = ("full", "tied")


def regularise(covariances: Array, covariance_type: str, reg_covar: float) -> Array:
    """Covariances in the same shape, with reg_covar added to every variance and to nothing else."""
    if covariance_type in ("full", "tied"):  # matrices: the variances stand on the diagonal
        return covariances + reg_covar * np.eye(covariances.shape[-1])
    return covariances + reg_covar  # diag, spherical: there is nothing but variances


def cases() -> list[Arguments]:
    """All four types; variances above and below `reg_covar`, some of them 0; a square table of type 'diag'."""
    full = np.array([[[1.0, 0.5], [0.5, 2.0]], [[0.25, 0.5], [0.5, 1.0]], [[4.0, -1.0], [-1.0, 0.5]]])  # 1 is singular
    cube = np.array([[[3.0, 0.5, 0.0], [0.5, 1.0, 0.25], [0.0, 0.25, 0.02]], [[0.01, 0, 0], [0, 2, -1], [0, -1, 1.5]]])
    tied = np.array([[2.0, 1.0, 0.5], [1.0, 0.75, 0.25], [0.5, 0.25, 0.03]])
    line = np.array([[1.0, 2.0], [2.0, 4.0]])  # singular
    diag = np.array([[1.0, 0.5], [0.0, 3.0], [0.02, 0.25], [2.0, 1.5]])
    square = np.array([[0.75, 0.01, 2.0], [1.25, 3.0, 0.5], [0.0, 0.5, 1.0]])  # K = D: only its type says what it is
    spherical = np.array([0.5, 0.0, 0.03, 2.0])
    return [
        {"covariances": np.array(covariances), "covariance_type": kind, "reg_covar": reg_covar}
        for covariances, kind, reg_covar in (
            (full, "full", 0.1),
            (cube, "full", 0.05),
            (tied, "tied", 0.05),
            (line, "tied", 0.1),
            (diag, "diag", 0.1),
            (square, "diag", 0.05),
            (spherical, "spherical", 0.1),
            (spherical[:2], "spherical", 1e-6),
        )
    ]


def measure(function: Callable[..., Any], arguments: Arguments) -> Any:
    """What it returns, and whether the argument was changed on the way: 1 or 0."""
    before = arguments["covariances"].copy()
    value = function(*arguments.values())
    if value is None or value is ...:
        return None
    if value is arguments["covariances"]:
        value = value.copy()
    return value, float(not np.array_equal(arguments["covariances"], before))


# --- the mistakes -------------------------------------------------------------------------------------------


def _diagonal(covariances: Array) -> Array:
    """The variances of matrices, as a view: (…, D)."""
    return np.einsum("...dd->...d", covariances)


def _variances(change: Callable[[Array, float], Any]) -> Callable[..., Array]:
    """The right places, with another operation there: variances, reg_covar -> variances."""

    def made(covariances: Array, covariance_type: str, reg_covar: float) -> Array:
        result = covariances.copy()
        places = _diagonal(result) if covariance_type in MATRICES else result
        places[...] = change(places.copy(), reg_covar)
        return result

    return made


def _for_type(kinds: tuple[str, ...], change: Callable[[Array, float], Array]) -> Callable[..., Array]:
    """Right for the other types; for these something else is done to the whole array."""

    def made(covariances: Array, covariance_type: str, reg_covar: float) -> Array:
        if covariance_type in kinds:
            return change(covariances.copy(), reg_covar)
        return regularise(covariances, covariance_type, reg_covar)

    return made


def _eigenvalues(covariances: Array, covariance_type: str, reg_covar: float) -> Array:
    if covariance_type not in MATRICES:
        return np.maximum(covariances, reg_covar)
    values, vectors = np.linalg.eigh(covariances)
    return np.asarray((vectors * np.maximum(values, reg_covar)[..., None, :]) @ np.swapaxes(vectors, -1, -2))


def _in_place(covariances: Array, covariance_type: str, reg_covar: float) -> Array:
    covariances += regularise(covariances, covariance_type, reg_covar) - covariances
    return covariances


def _flat(covariances: Array, reg_covar: float) -> Array:
    covariances.reshape(-1)[:: covariances.shape[-1] + 1] += reg_covar
    return covariances


def _first_column(covariances: Array, reg_covar: float) -> Array:
    covariances[:, 0] += reg_covar
    return covariances


def _first_variance(covariances: Array, reg_covar: float) -> Array:
    covariances[0, 0] += reg_covar
    return covariances


def _first_component(covariances: Array, covariance_type: str, reg_covar: float) -> Array:
    result = covariances.copy()
    right = regularise(covariances, covariance_type, reg_covar)
    if covariance_type == "tied":
        return right
    result[0] = right[0]
    return result


def _first_matrix(covariances: Array, reg_covar: float) -> Array:
    covariances[0] += reg_covar * np.eye(covariances.shape[-1])
    return covariances


def _singular_only(covariances: Array, covariance_type: str, reg_covar: float) -> Array:
    right = regularise(covariances, covariance_type, reg_covar)
    if covariance_type in MATRICES:
        singular = np.linalg.eigvalsh(covariances).min(axis=-1) < 1e-12
        return np.where(singular[..., None, None], right, covariances)
    singular = covariances <= 0 if covariance_type == "spherical" else (covariances <= 0).any(axis=1, keepdims=True)
    return np.where(singular, right, covariances)


def _by_the_shape(covariances: Array, covariance_type: str, reg_covar: float) -> Array:
    matrices = covariances.ndim > 1 and covariances.shape[-1] == covariances.shape[-2]
    return regularise(covariances, "full" if matrices else "diag", reg_covar)


def _whole_matrices(covariances: Array, covariance_type: str, reg_covar: float) -> Array:
    right = regularise(covariances, covariance_type, reg_covar)
    if covariance_type == "diag":
        return np.array([np.diag(variances) for variances in right])
    return right


def _place(outputs: Outputs, arguments: Arguments) -> str:
    """The entry that is farthest from right: what it was, what it is, what it should be."""
    kind, reg_covar = arguments["covariance_type"], arguments["reg_covar"]
    right = regularise(**arguments)
    asked = f"For type {kind!r} and reg_covar={reg_covar:g}"
    if np.shape(outputs[0]) != right.shape:
        return f"{asked} yours has the shape {np.shape(outputs[0])}; {right.shape} is wanted."
    with np.errstate(invalid="ignore"):
        apart = np.nan_to_num(np.abs(outputs[0] - right), nan=np.inf)
    place = np.unravel_index(int(apart.argmax()), right.shape)
    where = ", ".join(str(int(index)) for index in place)
    return (
        f"{asked}, `covariances[{where}]` was {number(arguments['covariances'][place])}; you make "
        f"{number(outputs[0][place])} of it, and {number(right[place])} is right."
    )


def _changed(outputs: Outputs, arguments: Arguments) -> str:
    before = arguments["covariances"]
    return (
        f"What you return is right. But the first number of the array that you were given was {number(before.flat[0])} "
        f"before the call, and was {number(regularise(**arguments).flat[0])} after it."
    )


MISTAKES = (
    Mistake(
        "the argument itself is changed",
        _in_place,
        "Whoever calls it twice adds it twice. What does `+=` do to an array, and what does `+`?",
        _changed,
    ),
    Mistake(
        "`reg_covar` is forgotten",
        _variances(lambda variances, reg: variances),
        "Nothing has changed. Is the sum computed, and is it the sum that you return?",
        _place,
    ),
    Mistake(
        "it is added to every entry, off the diagonal too",
        lambda covariances, kind, reg: covariances + reg,
        "A matrix of ones is singular, and is singular still when every entry has grown by the same. "
        "Which matrix has ones where the variances are, and zeros elsewhere?",
        _place,
    ),
    Mistake(
        "for 'tied' it is added off the diagonal too",
        _for_type(("tied",), lambda covariances, reg: covariances + reg),
        "'tied' has one matrix, 'full' has K of them. Which of the other types is it like?",
        _place,
    ),
    Mistake(
        "for 'full' it is added off the diagonal too",
        _for_type(("full",), lambda covariances, reg: covariances + reg),
        "Which entries of a covariance matrix are variances?",
        _place,
    ),
    Mistake(
        "the matrices are multiplied by `reg_covar`",
        lambda covariances, kind, reg: covariances * reg,
        "A variance of 0 is still 0 then. Which operation lifts it?",
        _place,
    ),
    Mistake(
        "the variances are multiplied by `reg_covar`",
        _variances(lambda variances, reg: variances * reg),
        "A variance of 0 is still 0 then. Which operation lifts it?",
        _place,
    ),
    Mistake(
        "the variances grow in proportion, by the factor 1 + reg_covar",
        _variances(lambda variances, reg: variances * (1 + reg)),
        "A variance of 0 is still 0 then. By how much should each grow, whatever it was?",
        _place,
    ),
    Mistake(
        "the variances are raised to at least `reg_covar`, and the larger ones left alone",
        _variances(np.maximum),
        "That is a floor. A singular matrix may have large variances on its diagonal: which of your entries would have "
        "to change to mend it?",
        _place,
    ),
    Mistake(
        "the eigenvalues are raised to at least `reg_covar`, and the larger ones left alone",
        _eigenvalues,
        "That mends a singular matrix as well, with more work, and it is not what scikit-learn's `reg_covar` does. "
        "What happens to a matrix that needs no mending?",
        _place,
    ),
    Mistake(
        "the variances are replaced by `reg_covar`",
        _variances(lambda variances, reg: np.full_like(variances, reg)),
        "What the M-step has learnt is gone. What should be left of a variance?",
        _place,
    ),
    Mistake(
        "its square is added",
        _variances(lambda variances, reg: variances + reg**2),
        "`reg_covar` is in squared units of the data already, as a variance is. Where do you square it?",
        _place,
    ),
    Mistake(
        "its root is added",
        _variances(lambda variances, reg: variances + np.sqrt(reg)),
        "The root is a width, in the units of the data. What can be added to a variance?",
        _place,
    ),
    Mistake(
        "it is added to the standard deviations, and they are squared again",
        _variances(lambda variances, reg: (np.sqrt(variances) + reg) ** 2),
        "`covariances` holds variances, and `reg_covar` is in their units. Which root is one too many?",
        _place,
    ),
    Mistake(
        "it is subtracted",
        _variances(lambda variances, reg: variances - reg),
        "A variance of 0 would be negative. In which direction should it go?",
        _place,
    ),
    Mistake(
        "`reg_covar` is not used: it is always 1e-6",
        _variances(lambda variances, reg: variances + 1e-6),
        "It happens to be the default. Who knows the units of the data, you or the caller?",
        _place,
    ),
    Mistake(
        "only singular components get it",
        _singular_only,
        "Almost singular is as bad, and there is no border between the two. What if every component gets it, needed or "
        "not?",
        _place,
    ),
    Mistake(
        "only the first component gets it",
        _first_component,
        "There are K of them. Does your loop go round, or is its `return` inside it?",
        _place,
    ),
    Mistake(
        "for 'full' only the first component gets it",
        _for_type(("full",), _first_matrix),
        "There are K matrices. What does `covariances + matrix` do with an array (K, D, D) and a matrix (D, D)?",
        _place,
    ),
    Mistake(
        "for 'full' one step along the diagonal is counted on through all the components",
        _for_type(("full",), _flat),
        "Every D + 1 entries there is a variance, in *one* matrix. Where is the first variance of the second matrix?",
        _place,
    ),
    Mistake(
        "for 'tied' only the first variance gets it",
        _for_type(("tied",), _first_variance),
        "'tied' has no axis for the components. Of what is `covariances[0]` the first?",
        _place,
    ),
    Mistake(
        "for 'tied' each row is taken for a component, and its first entry gets it",
        _for_type(("tied",), _first_column),
        "'tied' has no axis for the components. Of what is `covariances[k]` a row?",
        _place,
    ),
    Mistake(
        "for 'tied' it is added once for each row",
        _for_type(("tied",), lambda covariances, reg: covariances + len(covariances) * reg * np.eye(len(covariances))),
        "There is one matrix for all the components. How often has it to be added to one matrix?",
        _place,
    ),
    Mistake(
        "'tied' is left as it was",
        _for_type(("tied",), lambda covariances, reg: covariances),
        "A tied covariance can be singular as well, by a yes/no feature. Which branch does 'tied' take?",
        _place,
    ),
    Mistake(
        "'diag' and 'spherical' are left as they were",
        _for_type(("diag", "spherical"), lambda covariances, reg: covariances),
        "They have no diagonal because they have nothing else. Which of their numbers are variances?",
        _place,
    ),
    Mistake(
        "'spherical' is left as it was",
        _for_type(("spherical",), lambda covariances, reg: covariances),
        "One number for each component, and it is a variance. Which branch does 'spherical' take?",
        _place,
    ),
    Mistake(
        "the type is guessed from the shape: a square table is taken for a matrix",
        _by_the_shape,
        "With as many components as features, 'diag' has the shape of 'tied'. What have you been told that says which "
        "it is?",
        _place,
    ),
    Mistake(
        "for 'diag' the table is taken for a matrix, and only its diagonal gets it",
        _for_type(("diag",), lambda covariances, reg: covariances + reg * np.eye(*covariances.shape)),
        "Row k has the variances of component k, one for each feature. How many of the K·D numbers are variances?",
        _place,
    ),
    Mistake(
        "for 'diag' whole matrices come back",
        _whole_matrices,
        "The zeros are right, and nobody has asked for them. Which shape has 'diag'?",
        _place,
    ),
)


def _same_shape(outputs: Outputs, arguments: Arguments) -> Array:
    """What has been added, (…), as a difference."""
    return np.asarray(outputs[0] - arguments["covariances"])


def _off_the_diagonal(outputs: Outputs, arguments: Arguments) -> str:
    if arguments["covariance_type"] not in MATRICES:
        return ""
    added = _same_shape(outputs, arguments)
    added = added * (1 - np.eye(added.shape[-1]))
    place = np.unravel_index(int(np.abs(added).argmax()), added.shape)
    if abs(added[place]) < 1e-4:
        return ""
    where = ", ".join(str(int(index)) for index in place)
    return (
        f"For type {arguments['covariance_type']!r}, `covariances[{where}]` was "
        f"{number(arguments['covariances'][place])} and is {number(outputs[0][place])} now: that is no variance."
    )


def _on_the_diagonal(outputs: Outputs, arguments: Arguments) -> str:
    added = _same_shape(outputs, arguments)
    added = _diagonal(added) if arguments["covariance_type"] in MATRICES else added
    worst = float(np.abs(added - arguments["reg_covar"]).max())
    return _place(outputs, arguments) if worst > 1e-9 else ""


EXERCISE = Exercise(
    name="regularise",
    signature="regularise(covariances, covariance_type, reg_covar)",
    task="Return the covariances with `reg_covar` added to every variance and to nothing else. `covariance_type` is "
    "'full' (K, D, D), 'tied' (D, D), 'diag' (K, D) or 'spherical' (K,), and the shape stays as it is. What you were "
    "given must not change.",
    reference=regularise,
    cases=cases,
    outputs=("covariances", "change of the argument"),
    mistakes=MISTAKES,
    properties=(
        Property(
            "nothing off the diagonal changes",
            _off_the_diagonal,
            "How two features vary *together* is not regularised. Which entries of a matrix are variances?",
        ),
        Property(
            "every variance grows by reg_covar",
            _on_the_diagonal,
            "The same number for every variance, large or small. What else have you done to this one?",
        ),
        Property(
            "the argument stays as it is",
            lambda outputs, arguments: "The array that you were given has other numbers in it now." * int(outputs[1]),
            "What does `+=` do to an array, and what does `+`?",
        ),
    ),
    hints=(
        "Two of the four types have matrices, and two have nothing but variances. Take these two first: they are "
        "easier.",
        "A matrix with `reg_covar` on its diagonal and zeros elsewhere: `reg_covar * np.eye(n_features)`. The number "
        "of features is the length of the *last* axis, for 'full' and for 'tied'.",
        "'full' and 'tied': `covariances + reg_covar * np.eye(covariances.shape[-1])`, which NumPy does for each of "
        "the K matrices. 'diag' and 'spherical': `covariances + reg_covar`.",
    ),
    commentary="No loop over the components: NumPy adds the (D, D) matrix to each of the K, by broadcasting. `+` makes "
    "a new array; `+=` would change the caller's.",
    insight="Every eigenvalue grows by `reg_covar`, and the axes of the ellipse stay where they are: it becomes a "
    "little rounder. No width is below √reg_covar now, in the units of the data.",
    after="Next: what it costs. Notebook 08 fits the trap in millimetres, metres and kilometres, with the same number "
    "each time.",
    notebook="08",
    tolerance=1e-9,
    measure=measure,
)
