#!/usr/bin/env bash
# PyWavelets 1.8.0: the discrete Meyer wavelet calls itself orthogonal, and is so to two thousandths.
#
# Expected: of a wavelet whose `orthogonal` is True the shifts by even numbers are orthonormal to
# rounding, so that a periodised transform keeps the energy and its inverse gives the signal back. All
# others, from db1 to sym20 and coif17, do, to at least 1e-9.
# What happens: `dmey` is a Meyer wavelet cut off at 62 taps. Its `orthogonal` and `biorthogonal` are True
# as those of the others; its inner products with its own shifts are 2e-3, and the inverse of a
# transform of six levels misses the signal by 2 %. As a dictionary it has a coherence
# of 2e-3 and not of zero, which counts where a theorem asks for an orthonormal one.
#
# Versions: Python 3.11, PyWavelets 1.8.0, numpy 2.4.6.
# Source: https://github.com/PyWavelets/pywt, pywt/_extensions/c/wavelets.c
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat > "$folder/orthogonal.py" <<'PYTHON'
import numpy as np
import pywt


def defect(name):
    """Return the largest error of the inner products of the filter with its even shifts."""
    taps = np.array(pywt.Wavelet(name).dec_lo)
    shifts = range(0, len(taps), 2)
    return max(abs(taps[k:] @ taps[: len(taps) - k] - (k == 0)) for k in shifts)


names = [name for name in pywt.wavelist(kind="discrete") if pywt.Wavelet(name).orthogonal]
defects = {name: defect(name) for name in names}
worst = max(value for name, value in defects.items() if name != "dmey")
print(f"{len(names)} wavelets say that they are orthogonal")
print(f"inner products with shifts: dmey {defects['dmey']:.1e}, all others at most {worst:.0e}")

signal = np.random.default_rng(0).normal(size=4096)
errors = {}
for name in ("dmey", "sym20"):
    parts = pywt.wavedec(signal, name, mode="periodization")
    errors[name] = np.abs(pywt.waverec(parts, name, mode="periodization") - signal).max()
    print(f"{name}: {len(parts) - 1} levels there and back, error {errors[name]:.1e}")
assert worst < 1e-9 and errors["sym20"] < 1e-9, "this has changed"
assert defects["dmey"] > 1e-3 and errors["dmey"] > 1e-2, "this has changed"
PYTHON

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet PyWavelets==1.8.0 numpy==2.4.6 2> /dev/null
"$folder/venv/bin/python" "$folder/orthogonal.py"
