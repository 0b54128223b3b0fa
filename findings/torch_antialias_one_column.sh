#!/usr/bin/env bash
# torch 2.13.0, CPU: antialiased interpolation of a map that is one column wide repeats its first row.
#
# Expected: interpolation along the height does not depend on how wide a map is, so that signals held
# as (batch, channels, length, 1), as spectra and 1-D networks often are, are resized like each
# column of a picture, and like the same signal held as a row.
# What happens: with antialias=True, bilinear and bicubic, every row of the result is the first row,
# without a word, whether the map gets shorter or longer. A copy of the column beside it, or the
# signal as a row, gives the right numbers; so does antialias=False. The pass along the height takes
# the weights of its first row for all that its inner loop runs over, and with one column the inner
# loop runs over the rows.
#
# Versions: torch 2.13.0 (CPU), Python 3.11.
# Source: https://github.com/pytorch/pytorch, aten/src/ATen/native/cpu/UpSampleKernel.cpp
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat > "$folder/column.py" <<'PYTHON'
import torch
from torch.nn.functional import interpolate

signal = torch.arange(6.0)
for mode in ("bilinear", "bicubic"):
    for antialias in (True, False):
        for length in (4, 9):
            how = {"mode": mode, "antialias": antialias}
            column = interpolate(signal.reshape(1, 1, 6, 1), (length, 1), **how).flatten()
            row = interpolate(signal.reshape(1, 1, 1, 6), (1, length), **how).flatten()
            pair = interpolate(signal.reshape(1, 1, 6, 1).repeat(1, 1, 1, 2), (length, 2), **how)
            print(f"{mode}, antialias={antialias}, to {length}: column "
                  f"{[round(v, 2) for v in column.tolist()]}, row {[round(v, 2) for v in row.tolist()]}")
            assert torch.allclose(pair[0, 0, :, 0], row, atol=1e-5), "this has changed"
            wanted = row[:1].expand(length) if antialias else row
            assert torch.allclose(column, wanted, atol=1e-5), "this has changed"
PYTHON

python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 2> /dev/null
"$folder/venv/bin/pip" install --quiet numpy==2.4.6 2> /dev/null
"$folder/venv/bin/python" "$folder/column.py"
