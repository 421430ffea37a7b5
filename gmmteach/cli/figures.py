"""``gmmteach figures``: make the project's pictures again."""

from pathlib import Path

from .course import clone_root
from .trouble import Trouble, count, say


def figures(output: str | None) -> int:
    """Draw every figure into a folder: ``figures/`` of a clone, or the one that is named."""
    root = clone_root()
    if output is not None:
        folder = Path(output)
    elif root is not None:
        folder = root / "figures"
    else:
        raise Trouble("This is not a clone of the project, so say where the figures go: gmmteach figures --output DIR")
    if folder.exists() and not folder.is_dir():
        raise Trouble(f"{folder} is a file; the figures need a folder.")

    from gmmteach.visual.figures import make_figures

    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths = make_figures(folder)
    except OSError as error:
        raise Trouble(f"Cannot write to {folder}: {error.strerror or error}.", 1) from error
    for path in paths:
        say(f"  {Path(path).name}")
    say(f"{count(len(paths), 'figure')} in {folder}")
    return 0
