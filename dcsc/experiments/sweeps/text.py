"""A replay in words."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dcsc.experiments.sweeps.replay import LayerBreak, Replay, WrongEntry

__all__ = ["replay_text"]

_SHOWN = 12


def replay_text(replay: "Replay") -> str:
    """Return the layers of a replay with their wrong entries, the worst of each."""
    lines = [f"{replay.cell.named}, trial {replay.trial}: {_verdict(replay)}"]
    for layer in replay.layers:
        lines += ["", _head(layer)]
        if layer.entries:
            lines.append(_ROW.format(*_COLUMNS))
            lines += [_row(entry) for entry in layer.entries[:_SHOWN]]
        if len(layer.entries) > _SHOWN:
            lines.append(f"  … and {len(layer.entries) - _SHOWN} more")
    return "\n".join(lines)


_COLUMNS = ("wrong", "filter", "position", "true", "coefficient", "threshold", "stripe")
_ROW = "  {:<12} {:>6}  {:<10} {:>10}  {:>12}  {:>10}  {:>6}"


def _verdict(replay: "Replay") -> str:
    broken = [layer.number for layer in replay.layers if layer.entries]
    if broken:
        verdict = f"the pathway breaks at layer {broken[0]}"
    elif replay.chosen:
        verdict = "the pathway is recovered"
    else:
        verdict = (
            "the pathway is recovered: none of the trials of this cell fails, this is the first"
        )
    return verdict if replay.counted else f"{verdict} (the sweep has not run this trial)"


def _head(layer: "LayerBreak") -> str:
    if not layer.entries:
        return f"layer {layer.number}: exact"
    kinds = [f"{count} {what}" for count, what in _kinds(layer) if count]
    return f"layer {layer.number}: {' and '.join(kinds)}"


def _kinds(layer: "LayerBreak") -> list[tuple[int, str]]:
    alarms = "false alarm" if layer.false_alarms == 1 else "false alarms"
    return [(layer.missed, "missed"), (layer.false_alarms, alarms)]


def _row(entry: "WrongEntry") -> str:
    kind = "missed" if entry.missed else "false alarm"
    column = f" [{','.join(map(str, entry.column))}]" if entry.column else ""
    return _ROW.format(
        kind + column,
        entry.filter,
        ",".join(map(str, entry.position)) or "-",
        f"{entry.true:.6g}",
        f"{entry.coefficient:.6g}",
        "none" if entry.threshold is None else f"{entry.threshold:.6g}",
        entry.stripe,
    )
