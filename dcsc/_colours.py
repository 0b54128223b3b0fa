"""Colours that remain apart to colour-blind eyes (Okabe and Ito, 2008)."""

__all__ = ["BLUE", "GREEN", "GREY", "ORANGE", "PINK", "RED", "SKY"]

BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PINK, SKY, GREY = "#CC79A7", "#56B4E9", "#737373"
