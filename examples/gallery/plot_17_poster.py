"""
The poster
==========

What happens, and what is proved: failures against sparsity at one coherence, how the sparsity
that is recovered scales with the coherence, and what depth adds. ``dcsc poster`` draws it with
more trials.
"""

import matplotlib.pyplot as plt

from dcsc import plotting
from dcsc.experiments.studies.poster import poster

plotting.poster_figure(poster(trials=16), figure=plt.figure(figsize=(17, 7), layout="constrained"))
plt.show()
