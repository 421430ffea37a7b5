"""``gmmteach animate``: a person's own CSV file, fitted by EM, as a moving picture."""

import warnings
from argparse import Namespace
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from gmmteach import GaussianMixture, Trace

from .table import Chosen, choose, read_table
from .trouble import Trouble, count, say


def film(options: Namespace) -> int:
    """Read, fit, draw, write; and say what was done."""
    output = Path(options.output)
    check_output(output, force=options.force)
    chosen = choose(read_table(Path(options.file)), options.columns)
    check_rows(chosen, options.components, options.file)
    describe(chosen, options)
    trace = fit(chosen.X, options)
    report(trace)

    from gmmteach.visual.animate import animate

    features = (0, 1) if len(chosen.names) > 2 else None
    try:
        animate(trace, fps=options.fps, dark=options.dark, features=features, feature_names=chosen.names).save(output)
    except (OSError, RuntimeError) as error:
        raise Trouble(f"Could not write {output}: {error}", 1) from error
    say(f"Written: {output} ({output.stat().st_size / 1000:,.0f} kB)")
    return 0


def check_output(output: Path, *, force: bool) -> None:
    """Everything that could go wrong with the file to write, told before any work is done."""
    from gmmteach.visual import encode

    try:
        encode.writer_for(output)
    except ValueError as error:
        raise Trouble(f"--output {output}: {error}") from None
    if output.suffix.lower() == ".mp4" and encode.find_ffmpeg() is None:
        raise Trouble(
            "An .mp4 needs ffmpeg, and there is none on this computer. Install it, or choose an --output that "
            "ends in .gif, .png or .webp.",
            1,
        )
    if not output.parent.is_dir():
        raise Trouble(f"There is no folder {output.parent} to write {output.name} in: make it first.")
    if output.is_dir():
        raise Trouble(f"{output} is a folder: choose another --output.")
    if output.exists() and not force:
        raise Trouble(f"{output} is already there. Choose another --output, or replace it with --force.")


def check_rows(chosen: Chosen, n_components: int, file: str) -> None:
    """Are there enough rows, and enough different ones?"""
    rows, different = len(chosen.X), len(np.unique(chosen.X, axis=0))
    needed = max(2, n_components)
    what = "that " if not chosen.n_dropped else f"without a missing value ({chosen.n_dropped:,} have one) that "
    if rows < needed:
        raise Trouble(
            f"{file} has {count(rows, 'row')} {what}can be used; {count(n_components, 'component')} "
            f"need {needed} or more. Ask for fewer --components, or bring more data."
        )
    if different < needed:
        raise Trouble(
            f"{file} has only {different} different {'row' if different == 1 else 'rows'}; "
            f"{count(n_components, 'component')} need {needed} or more. Ask for fewer --components."
        )


def describe(chosen: Chosen, options: Namespace) -> None:
    """Say what will be fitted."""
    dropped = f" ({count(chosen.n_dropped, 'row')} with a missing value left out)" if chosen.n_dropped else ""
    say(f"{options.file}: {count(len(chosen.X), 'row')} of {', '.join(chosen.names)}{dropped}")
    for note in chosen.notes:
        say(f"  {note}")
    if len(chosen.names) > 2:
        say(f"  The fit uses all {len(chosen.names)} columns; the picture shows {' and '.join(chosen.names[:2])}.")
    for name, variance in zip(chosen.names, chosen.X.var(axis=0), strict=True):
        if 0 < variance < 100 * options.reg_covar:
            say(
                f"  {name} has a variance of {variance:.2g}, and --reg-covar adds {options.reg_covar:g} to it: "
                "rescale the column, or lower --reg-covar."
            )


def fit(X: np.ndarray, options: Namespace) -> Trace:
    """Run EM and return its trace."""
    model = GaussianMixture(
        options.components,
        covariance_type=options.covariance_type,
        init_params=options.start,
        max_iter=options.max_iter,
        reg_covar=options.reg_covar,
        random_state=options.seed,
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # `report` says how the run ended
            return model.fit(X).trace_
    except ValueError as error:
        raise Trouble(
            f"The fit failed. {error} Here that means: fewer --components, a larger --reg-covar, --covariance-type "
            "diag or spherical, or another --start or --seed.",
            1,
        ) from error


def report(trace: Trace) -> None:
    """Say how the run ended."""
    start, end = trace.objective[0], trace.objective[-1]
    say(
        f"{count(trace[0].mixture.n_components, 'component')}, {trace.covariance_type} covariance: "
        f"{trace.outcome} after {count(trace[-1].iteration, 'iteration')}; "
        f"log-likelihood {end:,.1f} (at the start {start:,.1f})"
    )
    if trace.outcome == "out of iterations":
        say("  Let it run longer with --max-iter.")
