"""The colours of the gallery."""

import matplotlib.style


def reset(gallery_conf, fname):
    """Draw the next example in colours that colour-blind eyes tell apart."""
    matplotlib.style.use("tableau-colorblind10")
