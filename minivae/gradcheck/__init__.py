"""Is the gradient right? Nudge one number, run again, compare; and if it is wrong, say where and why (lesson
06).

    check(vae, x, eps)                     a whole model: every parameter, the input, every intermediate
                                           (model.py)
    check_gradient(f, df, x, y)            a pair of functions of your own, arrays of any shape (function.py)
    diagnose(analytic, numeric, named)     what is wrong with a gradient (diagnosis/)
    hessian_vector(gradient, x, v)         the second derivatives times a direction (numeric.py)

The derivatives are those of numeric.py, compare.py judges a block of numbers by them, report.py has the
words. A gradient check proves that backward belongs to forward, not that forward is a VAE: for that, see
objective.py, and mutants/ for what each check can and can't see.
"""

from .diagnosis import Explanation, diagnose
from .function import check_gradient
from .model import check
from .numeric import hessian_vector
from .report import Report, Row, Trap

__all__ = ["Explanation", "Report", "Row", "Trap", "check", "check_gradient", "diagnose", "hessian_vector"]
