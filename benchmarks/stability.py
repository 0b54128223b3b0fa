"""Which units cannot switch: affine bounds and an attack against intervals, on the same digits."""

import common

from dcsc import networks
from dcsc.networks.shipped import digits_inputs, digits_network_path


def rows(repetitions, quick):
    """Return one row for each network and size of the perturbation."""
    names, sizes = (("plain",), (1,)) if quick else (("plain", "incoherent"), (1, 4, 16))
    images = digits_inputs().images[: 2 if quick else 4]
    return [_row(name, size, images, repetitions) for name in names for size in sizes]


def _row(name, size, images, repetitions):
    network = networks.load(digits_network_path(name))

    def run(**more):
        return networks.pathway_stability(network, images, size / 255, valid_range=(0, 1), **more)

    def intervals():
        return run(method="interval")

    affine = common.versus(run, intervals, repetitions)
    attack = common.versus(lambda: run(attack=True), intervals, min(repetitions, 3))
    return {
        "network": name,
        "eps": f"{size}/255",
        "interval": affine["other"] / len(images),
        "affine": affine["seconds"] / affine["other"],
        "attack": attack["seconds"] / attack["other"],
    }


def table(found):
    lines = [
        "| network | perturbation | intervals, ms an input | affine bounds, over intervals | "
        "with an attack, over intervals |",
        "|---|---|---|---|---|",
    ]
    for row in found:
        lines.append(
            f"| {row['network']} | {row['eps']} | {1e3 * row['interval']:.1f} | "
            f"{row['affine']:.1f} | {row['attack']:.0f} |"
        )
    return "\n".join(lines)
