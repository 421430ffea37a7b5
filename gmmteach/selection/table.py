"""What `select` found: a table of fits, and which of them is best."""

from __future__ import annotations

import html
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from ..estimators import GaussianMixture

if TYPE_CHECKING:
    from ..visual.grid import GridArtists

CRITERIA = ("aic", "bic", "icl")
SHOWN = 10  # rows that a Selection shows by itself

Record = dict[str, Any]


class Fit(NamedTuple):
    """One cell of the grid: its row of the table, and the fitted model if there is one."""

    record: Record
    model: GaussianMixture | None


class Selection:
    """The grid of fits that `select` made, and which of them is best.

    Attributes
    ----------
    criterion : str
        'bic', 'aic' or 'icl'.
    table : list of dict
        A record for each fit: n_components, covariance_type, log_likelihood (nats, in total), n_parameters, aic, bic,
        icl, converged, n_iter, outcome ('converged', 'out of iterations', 'decreased', 'collapsed' or 'failed'),
        error (what it said, or None) and warnings (tuple of str). What a failed fit does not have is None.
    best_ : GaussianMixture
        The fitted model of the least criterion. Fits that ran out of iterations take part: more iterations could
        only have lowered their criterion.
    """

    def __init__(self, fits: Sequence[Fit], criterion: str) -> None:
        self.criterion = check_criterion(criterion)
        self._fits = tuple(fits)

    @property
    def table(self) -> list[Record]:
        """A record for each fit, by number of components and then by covariance type."""
        return [dict(fit.record) for fit in self._fits]

    @property
    def best_(self) -> GaussianMixture:
        """The fitted model of the least criterion; ValueError if every fit failed."""
        model = self._best.model
        assert model is not None
        return model

    @cached_property
    def _best(self) -> Fit:
        """First of the fits whose criterion is the least, but for rounding: K = 1 is the same for full and tied."""
        sound = self._sound()
        if not sound:
            first = self._fits[0].record
            raise ValueError(
                f"None of {len(self._fits)} fits came to an end, so none is the best. The first one, {_name(first)}, "
                f"said: {first['error']}"
            )
        least = min(fit.record[self.criterion] for fit in sound)
        return next(fit for fit in sound if fit.record[self.criterion] <= least + 1e-9 * abs(least))

    def _sound(self) -> list[Fit]:
        return [fit for fit in self._fits if fit.model is not None]

    def by(self, criterion: str) -> Selection:
        """Judge the same fits by another criterion: 'aic', 'bic' or 'icl'."""
        return Selection(self._fits, criterion)

    def model(self, n_components: int, covariance_type: str) -> GaussianMixture:
        """Fitted model of one cell of the grid.

        Raises
        ------
        ValueError
            If that fit failed, with its reason, or there is no such cell.
        """
        for record, model in self._fits:
            if (record["n_components"], record["covariance_type"]) == (n_components, covariance_type):
                if model is None:
                    raise ValueError(f"The fit of {_name(record)} failed: {record['error']}")
                return model
        raise ValueError(f"There is no fit of {n_components} × {covariance_type!r} in this grid.")

    def as_frame(self) -> Any:
        """Table as a pandas DataFrame; ImportError where pandas is not installed."""
        try:
            import pandas
        except ImportError as error:
            raise ImportError("as_frame needs pandas, which is not installed; .table has the same records.") from error
        return pandas.DataFrame(self.table)

    def plot(self, ax: Any = None, **options: Any) -> GridArtists:
        """Draw the criterion against the number of components: see `gmmteach.visual.plot_selection`."""
        from ..visual.grid import plot_selection  # up a floor, when asked: whoever only fits needs no matplotlib

        return plot_selection(self, ax, **options)

    # --- showing itself ----------------------------------------------------------------------------------

    def __repr__(self) -> str:
        heads, rows = self._columns(), [self._cells(fit) for fit in self._ranked()[:SHOWN]]
        widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
        sides = ("<", ">", "<", *(">" * 5), "<")
        lines = [
            "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)).rstrip()
            for row in ([heads, *rows] if rows else [])
        ]
        return "\n".join([self._headline(), *lines, *self._remarks()])

    def _repr_html_(self) -> str:
        """A table that reads without colours: the best row is starred and bold, numbers are right-aligned."""
        body = []
        for place, fit in enumerate(self._ranked()[:SHOWN]):
            style = ' style="font-weight: bold"' if place == 0 else ""
            cells = "".join(
                f'<td style="text-align: {"left" if column in (0, 2, 8) else "right"}">{html.escape(cell)}</td>'
                for column, cell in enumerate(self._cells(fit))
            )
            body.append(f"<tr{style}>{cells}</tr>")
        heads = "".join(f'<th scope="col">{html.escape(head) or "best"}</th>' for head in self._columns())
        table = f"<thead><tr>{heads}</tr></thead><tbody>{''.join(body)}</tbody>" if body else ""
        caption = f'<caption style="text-align: left">{html.escape(self._headline())}</caption>'
        remarks = "".join(f"<p>{html.escape(line)}</p>" for line in self._remarks())
        return f"<table>{caption}{table}</table>{remarks}"

    def _columns(self) -> list[str]:
        names = [name.upper() for name in CRITERIA]
        return ["", "components", "covariance", "log-likelihood", "parameters", *names, "outcome"]

    def _cells(self, fit: Fit) -> list[str]:
        record = fit.record
        numbers = [f"{record[name]:.1f}".replace("-", "−") for name in ("log_likelihood", *CRITERIA)]
        return [
            "★" if fit is self._best else "",
            str(record["n_components"]),
            record["covariance_type"],
            numbers[0],
            str(record["n_parameters"]),
            *numbers[1:],
            record["outcome"],
        ]

    def _ranked(self) -> list[Fit]:
        """Fits that came to an end, the best one first."""
        sound = sorted(self._sound(), key=lambda fit: fit.record[self.criterion])
        return [self._best, *(fit for fit in sound if fit is not self._best)] if sound else []

    def _headline(self) -> str:
        fits = f"{len(self._fits)} fit{'s' if len(self._fits) != 1 else ''}"
        return f"{fits} by {self.criterion.upper()}: the less, the better" if self._sound() else f"{fits}, all failed"

    def _remarks(self) -> list[str]:
        """What the rows shown do not say: how many more there are, what others would choose, what failed."""
        lines = []
        ranked = self._ranked()
        if len(ranked) > SHOWN:
            lines.append(f"{len(ranked) - SHOWN} more in .table.")
        if ranked:
            others = {name: _name(self.by(name)._best.record) for name in CRITERIA if name != self.criterion}
            lines.append(" ".join(f"{name.upper()} would choose {choice}." for name, choice in others.items()))
        for outcome in ("collapsed", "failed"):
            records = [fit.record for fit in self._fits if fit.record["outcome"] == outcome]
            if records:
                names = ", ".join(_name(record) for record in records[:SHOWN])
                more = f" and {len(records) - SHOWN} more" if len(records) > SHOWN else ""
                reason = _short(records[0]["error"])
                lines.append(f"{outcome.capitalize()}: {names}{more}. The first said: {reason}")
        return lines


def check_criterion(criterion: str) -> str:
    """Give back the name of a criterion, or say which there are."""
    if criterion not in CRITERIA:
        raise ValueError(f"criterion is {criterion!r}, but it must be one of {', '.join(CRITERIA)}.")
    return criterion


def _name(record: Record) -> str:
    """Name of a cell: 3 × 'full'."""
    return f"{record['n_components']} × {record['covariance_type']!r}"


def _short(message: str) -> str:
    message = message[max(message.find("Collapse "), 0) :]  # ours says which component; scikit-learn's comes before it
    return message if len(message) <= 150 else message[:149] + "…"
