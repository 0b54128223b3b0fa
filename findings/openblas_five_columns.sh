#!/usr/bin/env bash
# numpy 2.4.6 with its OpenBLAS, AVX-512: "invalid value encountered in matmul" of finite numbers.
#
# Expected: "RuntimeWarning: invalid value encountered in matmul" means that a product met NaN, or
# infinities that cancel, and that its result has a NaN. Tests run with warnings as errors on it.
# What happens: the product of a vector with a float32 matrix of exactly five columns, as of codes of
# five atoms, warns now and then, though all operands and results are finite and right. The kernel
# for five columns stores the products of its last two or three rows in eight places of the stack, of
# which it fills five, and as compiled it adds more of them than it uses. What was left there by
# whatever ran before counts: a finite float64 number whose lower half reads as a signalling NaN in
# float32, one in 512 of random ones, raises the flag of an invalid operation, which numpy reads.
# Four or six columns, a number of rows that leaves 0 or 1 by 4, float64, and processors without
# AVX-512 never warn.
#
# Versions: Python 3.11, numpy 2.4.6 (its wheel brings OpenBLAS 0.3.31), threadpoolctl 3.6.0.
# Source: https://github.com/OpenMathLib/OpenBLAS, kernel/x86_64/sgemv_t_microk_skylakex_template.c
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat > "$folder/columns.py" <<'PYTHON'
import collections
import itertools
import warnings

import numpy as np
from threadpoolctl import threadpool_info

(blas,) = threadpool_info()
print(f"OpenBLAS {blas['version']}, kernels for {blas['architecture']}")
if blas["architecture"] != "SkylakeX":
    print("nothing to see: this processor does not run the kernels for AVX-512")
    raise SystemExit

warnings.simplefilter("error")
left_behind = np.array(0x3FF000007F800001).view(np.float64)
assert 1 < left_behind < 1.0001
rng = np.random.default_rng(0)
warned, products = collections.Counter(), 0
for rows, columns in itertools.product((8, 16, 32, 64, 100, 200), repeat=2):
    for order in "CF":
        for stride in (1, 2):
            before = np.full((rows, columns), left_behind, order=order)
            vector = np.full(columns * stride, left_behind)[::stride]
            for dtype in (np.float32, np.float64):
                for count in (4, 5, 6):
                    for atoms in (4, 5, 6, 7):
                        matrix = rng.standard_normal((atoms, count)).astype(dtype)
                        code = rng.standard_normal(count).astype(dtype)
                        wanted = (matrix.astype(float) * code.astype(float)).sum(axis=1)
                        before @ vector
                        try:
                            made = matrix @ code
                        except RuntimeWarning as warning:
                            warned[dtype.__name__, count, atoms % 4, str(warning)] += 1
                            with np.errstate(invalid="ignore"):
                                made = matrix @ code
                        products += 1
                        assert np.abs(made - wanted).max() < 1e-5
for (dtype, count, rest, words), times in sorted(warned.items()):
    print(f"{dtype}, {count} columns, rows mod 4 = {rest}: {words!r}, {times} times")
print(f"{products} products, all finite and right")
assert warned, "this has changed"
assert {key[:3] for key in warned} <= {("float32", 5, 2), ("float32", 5, 3)}, "this has changed"
PYTHON

python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.4.6 threadpoolctl==3.6.0 2> /dev/null
"$folder/venv/bin/python" "$folder/columns.py"
