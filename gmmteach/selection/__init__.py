"""How many components, and of which shape? Fit them all, charge each for its parameters, and compare.

More components always fit better: the log-likelihood alone would choose as many as it may. Each criterion charges for
the p free parameters in its own coin, and the least value is the best:

    AIC = -2 log L + 2 p            what predicts new data best (Akaike 1974)
    BIC = -2 log L + p log N        what most probably made the data (Schwarz 1978)
    ICL = BIC + 2 Σ entropies       what makes the clearest groups (Biernacki, Celeux & Govaert 2000)
"""

from .grid import select
from .table import Selection

__all__ = ["Selection", "select"]
