#!/usr/bin/env bash
# threadpoolctl 3.8.0: limits of OpenBLAS set from a second thread are not heard.
#
# Expected: ThreadpoolController.limit(limits=1) limits BLAS to one thread whichever Python thread
# calls it, as it does in 3.7.0.
# What happens: once the first thread has set a limit, the same call from another thread changes
# nothing and says nothing, while that first thread lives. Numerical code that asks for one BLAS
# thread in a worker, so that its last digits do not depend on the machine, runs on all of them.
#
# Versions: numpy 2.4.6 (its wheel brings OpenBLAS with pthreads), threadpoolctl 3.7.0 and 3.8.0.
# Source: https://github.com/joblib/threadpoolctl
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat > "$folder/second_thread.py" <<'PYTHON'
import threading
import numpy as np
from threadpoolctl import ThreadpoolController

np.eye(2) @ np.eye(2)
blas = ThreadpoolController().select(user_api="blas")
blas.limit(limits=2)
blas.limit(limits=2).restore_original_limits()  # the first thread asks first
before = blas.info()[0]["num_threads"]
seen = []


def other():
    blas.limit(limits=1)
    seen.append(blas.info()[0]["num_threads"])


thread = threading.Thread(target=other)
thread.start()
thread.join()
print(before, seen[0])
PYTHON

for version in 3.7.0 3.8.0; do
    python3 -m venv "$folder/$version"
    "$folder/$version/bin/pip" install --quiet numpy==2.4.6 "threadpoolctl==$version" 2> /dev/null
    declare "saw_${version//./_}=$("$folder/$version/bin/python" "$folder/second_thread.py")"
done
echo "threads before, and after limit(limits=1) in a second thread:"
echo "threadpoolctl 3.7.0: $saw_3_7_0"
echo "threadpoolctl 3.8.0: $saw_3_8_0"
[[ $saw_3_7_0 == "2 1" && $saw_3_8_0 == "2 2" ]] || { echo "this has changed"; exit 1; }
