"""Is an installed gmmteach whole? Run by the Python that it is installed in, from an empty folder, without the clone.

It is told apart from the clone by what it lacks: the tests, JupyterLab and whatever else `uv sync` brings.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from importlib import metadata
from pathlib import Path

COMMAND = str(Path(sys.executable).with_name("gmmteach"))


def command(*arguments: str, status: int = 0) -> str:
    """Run the command, ask for its exit status, and return everything that it said."""
    done = subprocess.run([COMMAND, *arguments], capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == status, f"gmmteach {' '.join(arguments)} left with {done.returncode}:\n{said}"
    return said


def main() -> None:
    """Check one thing after another; the first that fails raises."""
    import gmmteach
    from gmmteach import datasets

    package = Path(gmmteach.__file__).parent
    assert package.parent.name == "site-packages", f"{package} is not an installed copy"
    assert gmmteach.__version__ == metadata.version("gmmteach")

    notebooks = sorted(path.name for path in (package / "notebooks").glob("*.ipynb"))
    assert notebooks[:1] == ["00-start-here.ipynb"], f"the notebooks of the course are missing: {notebooks}"
    for needed in ("visual/static/player.js", "visual/static/player.css", "datasets/data/README.md"):
        assert (package / needed).is_file(), f"{needed} is missing"

    for name in ("faithful", "penguins", "customers", "galaxies", "crabs"):
        bunch = getattr(datasets, f"load_{name}")()
        assert len(bunch.data) > 0, f"load_{name} gives no data"
        assert bunch.DESCR, f"load_{name} does not say what it gives"
    trace = gmmteach.GaussianMixture(2, random_state=0).fit(datasets.load_faithful().data).trace_
    assert round(float(trace.objective[-1]), 1) == -1130.3

    assert "gmmteach lab" in command("--help")
    assert command("--version").split() == ["gmmteach", gmmteach.__version__]
    Path("mine.csv").write_text("a,b\n" + "\n".join(f"{x:.3f},{y:.3f}" for x, y in datasets.load_faithful().data))
    command("animate", "mine.csv", "--components", "2", "--output", "mine.gif")
    assert Path("mine.gif").read_bytes().startswith(b"GIF89a")

    if importlib.util.find_spec("jupyterlab") is None:
        assert "gmmteach[lab]" in command("lab", status=1), "lab does not say what to install"
        assert "gmmteach[lab]" in command("doctor", status=1), "doctor does not say what to install"
    print(f"gmmteach {gmmteach.__version__} is whole, with {len(notebooks)} notebooks.")


if __name__ == "__main__":
    main()
