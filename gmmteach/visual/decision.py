"""The decision guide: should it be a Gaussian mixture, and if not, what? One landscape page to print."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from . import theme

__all__ = ["GUIDE", "GuideArtists", "plot_decision_guide"]

TITLE = "Should it be a Gaussian mixture?"
# Question, what to use if the answer is yes, and how.
GUIDE = (
    ("Yes or no, names, counts\nin the columns?", "A mixture of another kind",
     "Bernoulli or multinomial: latent classes"),
    ("Rings, crescents, chains?", "DBSCAN, HDBSCAN, spectral clustering",
     "a mixture only tiles them, to be merged after"),
    ("Points far out,\nheavy tails?", "A mixture of t distributions", "or trim, or one wide component as background"),
    ("D(D + 3) / 2 near the number\nof points in a group?", "PCA first", "or fewer parameters: tied, diag, spherical"),
    ("Round groups of one size,\nand labels are enough?", "k-means", "the limit of a mixture, and quicker"),
)  # fmt: skip
END = (
    "Gaussian mixture",
    "shares, a density, elliptic groups that may overlap",
    "How many? For the density BIC or held-out data, for groups ICL. Or a Bayesian mixture with\n"
    "components to spare: prune it, and say what another concentration would have found.",
)
ALWAYS = "Always: several starts, a picture, and units that mean something to the starts, k-means and spherical."


@dataclass(frozen=True)
class GuideArtists:
    """What `plot_decision_guide` drew."""

    axes: Axes
    artists: list[Artist]

    @property
    def figure(self) -> Figure:
        """The figure these artists are in."""
        return self.axes.figure.figure  # of a subfigure, the whole

    @property
    def alt(self) -> str:
        """The guide in words."""
        steps = " ".join(f"{_flat(question)} Yes: {head}, {how}. No:" for question, head, how in GUIDE)
        return f"Decision guide, from top to bottom. {TITLE} {steps} {END[0]}: {END[1]}. {_flat(END[2])} {ALWAYS}"


def plot_decision_guide(ax: Axes | None = None) -> GuideArtists:
    """Draw the decision guide: five questions, what to use where the answer is yes, and a mixture at the end.

    Parameters
    ----------
    ax : Axes, optional
        Draw here, best on a landscape page; a new figure of A4's size if None.

    Returns
    -------
    GuideArtists
        With `artists`, `figure` and `alt`, the guide in words. ``.figure.savefig("guide.pdf")`` makes a page of it.

    Examples
    --------
    >>> drawn = plot_decision_guide()
    >>> drawn.figure.get_size_inches().tolist()
    [11.69, 8.27]
    """
    if ax is None:
        from matplotlib import pyplot as plt

        with theme.context():
            ax = plt.figure(figsize=(11.69, 8.27), layout="none").add_axes((0.02, 0.02, 0.96, 0.96))
    dark = theme.is_dark(ax)
    tone = theme.page(dark)
    artists: list[Artist] = []
    scale = ax.bbox.width / ax.figure.dpi / 11.22  # of all letters, so that they fit other axes, too
    ax.set(xlim=(0, 100), ylim=(0, 70))
    ax.set_axis_off()

    def text(x: float, y: float, words: str, size: float, **look: Any) -> None:
        look = {"color": tone["text"], "va": "center", **look}
        artists.append(ax.text(x, y, words, fontsize=scale * size, **look))

    def box(x: float, y: float, width: float, height: float, k: int, fill: float) -> None:
        ink = theme.ink(k, dark)
        patch = FancyBboxPatch((x, y), width, height, boxstyle="round,pad=0,rounding_size=1.2", linewidth=2.2)
        patch.set(edgecolor=ink, facecolor=(*to_rgb(ink), fill))
        ax.add_patch(patch)
        artists.append(patch)

    def arrow(start: tuple[float, float], end: tuple[float, float]) -> None:
        style: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 20, "linewidth": 2.2, "color": tone["text"]}
        line = FancyArrowPatch(start, end, shrinkA=0, shrinkB=0, **style)
        ax.add_patch(line)
        artists.append(line)

    text(0.4, 67.5, TITLE, 26, weight="bold")
    height, pitch, top = 7.1, 9.5, 63.6
    for place, (question, head, how) in enumerate(GUIDE):
        low = top - height - place * pitch
        middle = low + height / 2
        box(0.4, low, 35, height, 0, 0.0)
        text(2.2, middle, question, 16, linespacing=1.25)
        arrow((35.4, middle), (45, middle))
        text(39.6, middle + 1.6, "yes", 15, ha="center", weight="bold")
        box(45.2, low, 54.4, height, 1, 0.10)
        text(47.2, middle + 1.5, head, 18, weight="bold")
        text(47.2, middle - 1.7, how, 15)
        arrow((17.9, low), (17.9, low - pitch + height))
        text(19.2, low - (pitch - height) / 2 - 0.1, "no", 15, weight="bold")
    box(0.4, 4.0, 99.2, top - len(GUIDE) * pitch - 4.0, 2, 0.14)
    text(2.2, 13.2, END[0], 20, weight="bold")
    text(31, 13.1, END[1], 16)
    text(2.2, 7.8, END[2], 15, linespacing=1.35)
    text(0.4, 1.4, ALWAYS, 15)
    return GuideArtists(ax, artists)


def _flat(words: str) -> str:
    return " ".join(words.split())
