"""Fourier transforms, of a signal and of its frames; the last axis has real and imaginary parts."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from dcsc._arrays import Array
from dcsc.errors import DcscError

__all__ = ["dft", "stft"]


def dft(opset: int, attributes: Mapping[str, Any], *values: Any) -> tuple[Array, ...]:
    """Return DFT: the discrete Fourier transform along an axis, or its inverse."""
    data, length, place = (*values, None, None)[:3]
    axis = attributes.get("axis", 1) if opset < 20 else -2 if place is None else place.item()
    count = None if length is None else int(length.item())
    back, half = attributes.get("inverse", 0), attributes.get("onesided", 0)
    axis = axis % data.ndim
    if axis == data.ndim - 1:
        raise DcscError("DFT: expected an axis of the signal, got that of real and imaginary parts")
    if back and half:
        real = np.fft.irfft(_complex(data), count, axis)
        return (real[..., None].astype(data.dtype),)
    if half:
        return (_parts(np.fft.rfft(_real(data, "DFT"), count, axis), data),)
    transform = np.fft.ifft if back else np.fft.fft
    return (_parts(transform(_complex(data), count, axis), data),)


def stft(opset: int, attributes: Mapping[str, Any], *values: Any) -> tuple[Array, ...]:
    """Return STFT: the Fourier transforms of all frames of a signal, each times a window."""
    signal, step, window, length = (*values, None, None)[:4]
    size = len(window) if length is None else int(length.item())
    half = attributes.get("onesided", 1)
    series = _real(signal, "STFT") if half else _complex(signal)
    every = np.lib.stride_tricks.sliding_window_view(series, size, axis=1)
    frames = every[:, :: int(step.item())]
    if window is not None:
        frames = frames * window
    return (_parts(np.fft.rfft(frames) if half else np.fft.fft(frames), signal),)


def _complex(data: Array) -> Array:
    if data.shape[-1] == 1:
        return data[..., 0]
    return data[..., 0] + 1j * data[..., 1]


def _real(data: Array, name: str) -> Array:
    if data.shape[-1] != 1:
        raise DcscError(f"{name}: expected real numbers of a one-sided one, got {data.shape}")
    return data[..., 0]


def _parts(numbers: Array, like: Array) -> Array:
    return np.stack([numbers.real, numbers.imag], axis=-1).astype(like.dtype)
