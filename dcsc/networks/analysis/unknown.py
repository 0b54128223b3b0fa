"""Why it is not told of how many inputs a network finds the label, and what would tell it."""

from dcsc._words import counted
from dcsc.networks.analysis.inputs import Inputs

__all__ = ["why_no_accuracy"]


def why_no_accuracy(inputs: Inputs | None, outputs: int | None) -> str:
    """Return one sentence, for inputs with labels or names of classes; else nothing.

    Parameters
    ----------
    inputs : Inputs or None
        Those of an analysis whose accuracy is not known.
    outputs : int or None
        How many entries the output has for each, None where it is no number for each class.
    """
    if inputs is None or (inputs.labels is None and not inputs.class_names):
        return ""
    labels, names = inputs.labels, inputs.class_names
    if labels is None:
        return "There are class names and no labels: give labels= to have the accuracy."
    if outputs is None:
        return "The network's output is no number for each class, so labels are not held to it."
    if names:
        return (
            f"The network has {counted(outputs, 'output')} and there are "
            f"{counted(len(names), 'class name')}, so labels are not held to the outputs."
        )
    if labels.dtype.kind in "US":
        return (
            "Labels are words, and which output is which is not known: give class_names= to have "
            "the accuracy, or --class-names on the command line."
        )
    return (
        f"Labels are not the numbers of the network's {counted(outputs, 'output')}: which output "
        "is which class is said by analyze(class_names=…), or --class-names on the command line."
    )
