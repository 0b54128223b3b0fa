"""What theorems about thresholds cover, and the sentence with which they refuse the rest."""

from dcsc.bounds.records import LayerRecord

__all__ = ["selection_refusal", "signs_refusal"]


def selection_refusal(layer: LayerRecord) -> str | None:
    """Return why no theorem about thresholds covers a layer's projection and codes, or None."""
    if layer.selection is None:
        return "its projection selects by no threshold (selection is None)"
    if layer.selection.one_sided and not layer.nonnegative:
        return "a one-sided projection loses the negative codes"
    return None


def signs_refusal(layer: LayerRecord, deepest: bool, shared: bool = False) -> str | None:
    """Return why no theorem about random signs and thresholds covers a layer, or None.

    With ``shared``, for theorems that know which atoms share a sign.
    """
    if layer.selection is not None and not (layer.signs_independent or shared):
        return "its signs are not one independent fair sign per atom"
    refusal = selection_refusal(layer)
    if (
        refusal is None
        and layer.selection is not None
        and layer.selection.one_sided
        and not deepest
    ):
        return (
            "a one-sided projection needs non-negative codes, and below the deepest layer they "
            "change sign with the random signs of the layer above"
        )
    return refusal
