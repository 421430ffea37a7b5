"""Variational EM: a mixture whose weights, means and covariances are uncertain, and which may need fewer components.

Instead of one best mixture it keeps a distribution q over mixtures, made of independent factors: q(Z) shares the
samples out, q(π) holds the weights, q(μ, Λ) the means and precisions (Λ is the inverse of Σ). The E-step improves q(Z),
the M-step the rest, and both raise the same number, the evidence lower bound: ln p(X) less the Kullback-Leibler
divergence from q to the true posterior (Bishop 2006, *Pattern Recognition and Machine Learning*, section 10.2; Attias
2000). Components that explain nothing fall back to their prior, and their weight fades: they are pruned.

The model
---------
Whatever the covariance type, a component is a Gaussian with a Gauss-Wishart prior (Bishop 2006, eq. 10.40). The type
says which q is allowed, and for each of them the M-step is the exact maximum of the bound:

=========== =====================================================================================================
full        q(Λ_k) is any Wishart distribution
diag        q(Λ_k) is a Wishart distribution with a diagonal scale matrix
spherical   q(Λ_k) is a Wishart distribution whose scale matrix is a multiple of the identity
tied        one Λ for all components; its prior has K times the degrees of freedom and a K-th of the scale
=========== =====================================================================================================

These are models of which scikit-learn's formulas are exact, with ``reg_covar=0``: adding it to what the M-step finds
can lower the bound by a trifle. Two things are not as one might expect. A product of gamma distributions, the usual
choice for 'diag', would have ln Λ̃ = Σ_d [ψ(ν/2) + ln (2/w_d)] in the place of Σ_d [ψ((ν + 1 - d)/2) + ln (2/w_d)]. And
for 'tied', scikit-learn's ``degrees_of_freedom_`` is a K-th of the number here; the expected covariance and the
responsibilities are the same, because ln Λ̃ is shared and cancels.

The weights have a Dirichlet distribution (eq. 10.39), or are broken off a stick, one after the other: the Dirichlet
process (Blei & Jordan 2006, "Variational inference for Dirichlet process mixtures"). There the order of the components
matters: the first to break has the most to take from. The process has components without end; q gives samples to the
first K of them and leaves the others at their prior, where they cost the bound nothing (Kurihara, Welling & Vlassis
2007, "Accelerated variational Dirichlet process mixtures").
"""

from .algorithm import VariationalSnapshot, variational_em, variational_m_step
from .beliefs import Posterior, Prior, default_prior
from .bound import BoundTerms, bound_terms

__all__ = [
    "BoundTerms",
    "Posterior",
    "Prior",
    "VariationalSnapshot",
    "bound_terms",
    "default_prior",
    "variational_em",
    "variational_m_step",
]
