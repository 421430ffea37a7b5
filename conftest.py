"""What every test and doctest needs before anything is imported."""

import matplotlib

# No window, wherever the tests run. Not through MPLBACKEND: the notebooks' kernels would inherit it and show nothing.
matplotlib.use("agg")
