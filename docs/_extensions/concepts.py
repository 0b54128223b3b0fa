"""The pictures of the concepts, drawn by dcsc when the documentation is built."""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from dcsc import CirculantDictionary, DCSCModel, HardThreshold, Layer
from dcsc.dictionaries import filters
from dcsc.plotting import as_svg
from dcsc.plotting.style import BLUE, GREEN, ORANGE, PINK, RED, STYLE

FOLDER = "concepts"
_LENGTH = 11  # taps of the filters of `_bank`
COLORS = [BLUE, ORANGE, GREEN, PINK]


def setup(sphinx):
    """Register the drawing, before pages are read."""
    sphinx.connect("builder-inited", _draw_all)
    return {"parallel_read_safe": True}


def _draw_all(sphinx):
    folder = Path(sphinx.srcdir, FOLDER)
    folder.mkdir(exist_ok=True)
    for draw in (model, stripe, coherence, walk, parts):
        with matplotlib.rc_context(STYLE):
            content = as_svg(draw())
        path = folder / f"{draw.__name__}.svg"
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)


def _figure(rows=1, columns=1, height=2.8, **options):
    figure = Figure(figsize=(6, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


def _bank():
    """Return four filters that the eye tells apart: two bumps and two waves."""
    place = np.linspace(-1, 1, _LENGTH)
    shapes = [np.exp(-9 * place**2), (1 - place**2) * np.sin(3 * np.pi * place)]
    shapes += [np.exp(-3 * np.abs(place)) * np.sign(place), np.cos(np.pi * place / 2)]
    bank = np.array(shapes)[:, None]
    return bank / np.linalg.norm(bank, axis=-1, keepdims=True)


def model():
    """A signal is the sum of few shifted filters."""
    dictionary = CirculantDictionary(_bank(), extent=72)
    active = {(0, 4): 1.0, (1, 20): 1.2, (2, 40): 0.9, (0, 46): 1.1}
    figure, (top, bottom) = _figure(2, height=3.6, sharex=True)
    total = np.zeros(72)
    for (number, position), size in active.items():
        code = np.zeros(dictionary.code_shape)
        code[number, position] = size
        atom = dictionary.synthesize(code)[0]
        total += atom
        patch = np.arange(position, position + _LENGTH)
        bottom.plot(patch, atom[patch], color=COLORS[number], lw=2)
        top.plot(position, number, "o", ms=5 + 6 * size, color=COLORS[number])
    bottom.plot(total, color="black", lw=0.8)
    top.set(ylabel="filter", yticks=range(4), ylim=(3.6, -0.6), title="code: which filters, where")
    bottom.set(xlabel="position", ylabel="signal", title="signal: the sum of these atoms")
    return figure


def stripe():
    """An atom, the patch that it covers, and the stripe of those that can disturb it."""
    at = 30
    dictionary = CirculantDictionary(_bank(), extent=72)
    rng = np.random.default_rng(4)
    code = (rng.random(dictionary.code_shape) < 0.035) * 1.0
    code[1, at] = 1
    figure, (top, bottom) = _figure(2, height=3.8, sharex=True)
    low, high = at - _LENGTH + 1, at + _LENGTH - 1
    for number, position in np.argwhere(code):
        inside = low <= position <= high
        top.plot(position, number, "o", color=BLUE if inside else "#999999")
    top.plot(at, 1, "o", ms=11, color=ORANGE)
    top.add_patch(Rectangle((low - 0.5, -0.5), high - low + 1, 4, color=BLUE, alpha=0.15, lw=0))
    size, count = 4 * (high - low + 1), int(code[:, low : high + 1].sum())
    top.set(
        ylabel="filter", yticks=range(4), ylim=(3.6, -0.6),
        title=f"code: the stripe of the orange atom, {size} atoms, {count} active",
    )  # fmt: skip
    bottom.plot(dictionary.synthesize(code)[0], color="black", lw=0.8)
    code[:] = 0
    code[1, at] = 1
    patch = np.arange(at, at + _LENGTH)
    bottom.plot(patch, dictionary.synthesize(code)[0, patch], color=ORANGE, lw=2)
    bottom.axvspan(at - 0.5, at + _LENGTH - 0.5, color=ORANGE, alpha=0.15, lw=0)
    bottom.set(xlabel="position", ylabel="signal", title=f"signal: its patch, {_LENGTH} samples")
    return figure


def coherence():
    """A filter, its shift by two samples, and how much of itself it sees there."""
    bump = np.exp(-(np.linspace(-2, 2, 13) ** 2))
    banks = {
        "a smooth filter": bump[None, None] / np.linalg.norm(bump),
        "signs of Barker's code": filters.barker(1, 1, 13),
    }
    figure, axes = _figure(2, 2, height=3.8, sharey="row", sharex="row")
    for (name, bank), (top, bottom) in zip(banks.items(), axes.T, strict=True):
        taps, place = bank[0, 0], np.arange(13)
        top.plot(place, taps, "o-", ms=4, color=BLUE, label="the filter")
        top.plot(place + 2, taps, "o-", ms=4, color=ORANGE, label="shifted by 2")
        top.set(title=name, xlabel="sample", xticks=range(0, 15, 4))
        dictionary = CirculantDictionary(bank, extent=41)
        atom = np.zeros(dictionary.code_shape)
        atom[0, 20] = 1
        seen = dictionary.analyze(dictionary.synthesize(atom))[0]
        colors = [ORANGE if shift == 2 else BLUE for shift in range(-20, 21)]
        bottom.bar(range(-20, 21), seen, color=colors)
        mu = dictionary.mutual_coherence()
        bottom.axhline(mu, color="black", ls="--", lw=1)
        bottom.text(14, mu, f"coherence {mu:.2f}", ha="right", va="bottom")
        bottom.set(xlabel="shift", xlim=(-14.5, 14.5))
    axes[0, 0].set_ylabel("tap")
    axes[0, 0].legend(frameon=False, fontsize=8)
    axes[1, 0].set_ylabel("inner product")
    return figure


def walk():
    """What S active atoms leave in the coefficient of one that is not: a line, or a walk."""
    mu, most = 0.02, 120
    steps = np.arange(most + 1)
    rng = np.random.default_rng(1)
    figure, axes = _figure(height=3.2)
    for number in range(12):
        signs = rng.choice([-1, 1], most)
        path = mu * np.concatenate([[0], np.cumsum(signs)])
        label = "random signs: twelve draws" if number == 0 else None
        axes.plot(steps, path, color=BLUE, lw=0.9, alpha=0.7, label=label)
    axes.fill_between(
        steps, -2 * mu * np.sqrt(steps), 2 * mu * np.sqrt(steps), color=BLUE, alpha=0.12, lw=0,
        label="twice their standard deviation, 2µ√S",
    )  # fmt: skip
    axes.plot(steps, mu * steps, color=RED, lw=2, label="the worst signs: µS")
    axes.axhline(0.5, color="black", ls="--", lw=1)
    axes.text(1, 0.52, "threshold", va="bottom")
    axes.set(
        xlabel="active atoms S",
        ylabel="an inactive atom's coefficient",
        xlim=(0, most),
        ylim=(-0.6, 1.4),
    )
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    return figure


def parts():
    """One support that is wrong as a whole, and right in nearly all of its entries."""
    bank = filters.gaussian(8, 24, 5, rng=3)
    dictionary = CirculantDictionary(bank, extent=48)
    drawn = DCSCModel([Layer(dictionary, HardThreshold(0.5))]).draw(rng=2)
    rng = np.random.default_rng(7)
    code = (rng.random(dictionary.code_shape) < 0.12) * 1.0
    truth = drawn.synthesize(code)
    guess = drawn.forward(truth[0])[1] != 0
    active = code != 0
    figure, axes = _figure(height=2.9)
    for kind, mark, color, name in (
        (active & guess, "o", BLUE, "found"),
        (active & ~guess, "X", RED, "missed"),
        (~active & guess, "s", ORANGE, "false alarm"),
    ):
        number, position = np.nonzero(kind)
        axes.plot(position, number, mark, color=color, label=f"{name}: {kind.sum()}", ms=7)
    found = (active & guess).sum()
    axes.set(
        xlabel="position", ylabel="filter", yticks=range(8), ylim=(7.6, -0.6),
        title=f"the whole support is wrong; {found} of {active.sum()} are found",
    )  # fmt: skip
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure
