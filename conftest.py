"""What every test and doctest needs before anything is imported."""

import os
import tempfile

import matplotlib

# No window, wherever the tests run. Not through MPLBACKEND: the notebooks' kernels would inherit it and show nothing.
matplotlib.use("agg")

# The notebooks' kernels inherit this: checking and answering in a test is nobody's progress.
os.environ["GMMTEACH_PROGRESS"] = os.path.join(tempfile.mkdtemp(prefix="gmmteach-"), "progress.json")
