"""What all comparisons share: warm medians, and the rate of one large matrix product."""

import os
import platform
import statistics
import time

import numpy as np
from threadpoolctl import threadpool_info

TURNS = 3
SETTLING = 0.05


def seconds(function, repetitions):
    """Return the median time of a call, after one that is not counted."""
    function()
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def versus(ours, theirs, repetitions):
    """Time two functions in turns, some calls at a time, so that a busy machine slows both.

    The first calls of a turn are not counted: OpenMP's threads go on spinning for some
    milliseconds after PyTorch has returned, and would slow whoever comes next.

    Returns
    -------
    dict
        Medians in seconds, and how many times faster ours is.
    """
    times = ([], [])
    for _ in range(TURNS):
        for function, taken in zip((ours, theirs), times, strict=True):
            end = time.perf_counter() + SETTLING
            function()
            while time.perf_counter() < end:
                function()
            for _ in range(-(-repetitions // TURNS)):
                start = time.perf_counter()
                function()
                taken.append(time.perf_counter() - start)
    mine, other = map(statistics.median, times)
    return {"seconds": mine, "other": other, "ratio": other / mine}


def product_rate(dtype, repetitions):
    """Return the floating-point operations per second of one large numpy matrix product."""
    a = np.ones((2048, 2048), dtype)
    return 2 * 2048**3 / seconds(lambda: a @ a, repetitions)


def machine():
    """Return the processor and the libraries that ran, as one line."""
    model = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as lines:
            named = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
        model = named[0] if named else model
    kernels = sorted(
        f"{lib['internal_api']} {lib.get('architecture', '')}, {lib['num_threads']} threads"
        for lib in threadpool_info()
    )
    return f"{model}, {os.cpu_count()} cores; {'; '.join(kernels)}"


def geometric_mean(ratios):
    return float(np.exp(np.mean(np.log(ratios))))
