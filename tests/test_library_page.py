"""docs/library.md: every block of it runs, and says what comes out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

PAGE = (Path(__file__).parents[1] / "docs" / "library.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The names that the page has made, once all of it has run."""
    names: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("page"))
        for block in BLOCKS:
            exec(compile(block, "docs/library.md", "exec"), names)
    return names


def test_every_feature_has_at_most_three_lines_besides_its_loop() -> None:
    assert len(BLOCKS) >= 11
    assert max(len(block.splitlines()) for block in BLOCKS) <= 5


def value(after: Any, beginning: str) -> Any:
    """What the line of the page that begins so gives."""
    (line,) = (line for block in BLOCKS for line in block.splitlines() if line.startswith(beginning))
    return eval(line, after)


def test_what_the_page_says_comes_out(after: Any) -> None:
    assert repr(after["model"].trace_) == re.search(r"print\(model.trace_\)  # (.*)", PAGE)[1]  # type: ignore[index]
    assert value(after, "Trace.load(") == (5, 2, 2)
    assert np.isfinite(value(after, "weighted.bic("))
    assert not np.isnan(value(after, "birds.impute(")).any()
    assert after["stream"].weight_seen_ == 272
    assert value(after, "bayesian.trace_.objective_name") == "evidence lower bound"
    assert (value(after, "bayesian.weights_") > 0).sum() == 2
    assert value(after, "chosen.best_").n_components == 2
    assert value(after, "mixture.condition(").shape == (2, 1)
    plain, fast = value(after, "[GaussianMixture(2, accelerate=jump")
    assert fast < plain / 3
