"""The decision guide: all its words are on the page, and none leaves its box or the page."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pytest
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.text import Text

from gmmteach.visual import theme
from gmmteach.visual.decision import ALWAYS, END, GUIDE, TITLE, plot_decision_guide


def test_the_guide_says_everything() -> None:
    guide = plot_decision_guide()
    written = [artist.get_text() for artist in guide.artists if isinstance(artist, Text)]
    for words in (TITLE, *END, ALWAYS, *(part for step in GUIDE for part in step)):
        assert words in written
        assert " ".join(words.split()) in guide.alt
    assert (written.count("yes"), written.count("no")) == (len(GUIDE), len(GUIDE))
    assert sum(isinstance(artist, FancyArrowPatch) for artist in guide.artists) == 2 * len(GUIDE)
    plt.close(guide.figure)


@pytest.mark.parametrize("size", [(11.69, 8.27), (7.0, 4.95), (16.0, 11.3)])
@pytest.mark.parametrize("dark", [False, True])
def test_no_word_leaves_its_box(size: tuple[float, float], dark: bool) -> None:
    with theme.context(dark):
        ax = plt.figure(figsize=size, layout="none").add_axes((0.02, 0.02, 0.96, 0.96))
        guide = plot_decision_guide(ax)
        guide.figure.canvas.draw()
        page = guide.figure.bbox
        boxes = [artist.get_window_extent() for artist in guide.artists if isinstance(artist, FancyBboxPatch)]
        for text in (artist for artist in guide.artists if isinstance(artist, Text)):
            extent = text.get_window_extent()
            assert page.x0 <= extent.x0 < extent.x1 <= page.x1
            assert page.y0 <= extent.y0 < extent.y1 <= page.y1
            for box in (each for each in boxes if each.contains(*extent.get_points().mean(axis=0))):
                assert box.x0 < extent.x0 < extent.x1 < box.x1, text.get_text()
                assert box.y0 < extent.y0 < extent.y1 < box.y1, text.get_text()
        plt.close(guide.figure)


def test_it_can_be_read_from_the_back_row() -> None:
    guide = plot_decision_guide()
    assert min(artist.get_fontsize() for artist in guide.artists if isinstance(artist, Text)) >= 14
    assert guide.figure.get_size_inches().tolist() == [11.69, 8.27]
    plt.close(guide.figure)
