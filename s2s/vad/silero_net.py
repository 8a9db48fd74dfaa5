"""Silero VAD v6 at 16 kHz as matrix products: a whole batch of hops goes through each layer in one.

onnxruntime convolves each hop by itself, with matrices too narrow to be quick; in a batch this takes a third of that.
Architecture and weights: the `silero-vad` package (MIT).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from s2s.vad.onnx_weights import float_tensors

Floats = NDArray[np.float32]

HOP, CONTEXT = 512, 64
"""Samples of a hop, and of the hop before it that the network sees again."""
UNITS = 128
WINDOW, STRIDE, BINS = 256, 128, 129
PLACES = 4
"""Windows in a hop."""


class SileroNet:
    """The network, with the weights of an ONNX file; it keeps nothing between calls."""

    def __init__(self, path: Path) -> None:
        tensors = float_tensors(path)

        def weights(name: str) -> Floats:
            if f"model.{name}" not in tensors:
                raise ValueError(f"{path} has no 'model.{name}': it is no Silero VAD v6 at 16 kHz")
            return tensors[f"model.{name}"]

        def taps(number: int, first: int = 0, last: int = 3) -> Floats:
            """Of a convolution, as a matrix from the channels at its places, one after the other, to its outputs."""
            kernel = weights(f"encoder.{number}.reparam_conv.weight")[:, :, first:last]
            return np.ascontiguousarray(kernel.transpose(2, 1, 0).reshape(-1, len(kernel)))

        # sigmoid(x) is tanh(x / 2) / 2 + 1 / 2: with halved weights one tanh serves all gates
        half = np.where(np.arange(4 * UNITS) // UNITS == 2, np.float32(1), np.float32(0.5))
        gates = np.concatenate([weights("decoder.rnn.weight_hh"), weights("decoder.rnn.weight_ih")], axis=1).T
        self._stft = np.ascontiguousarray(weights("stft.forward_basis_buffer")[:, 0].T)
        self._convs = (taps(0), taps(1), taps(2, first=1), taps(3, first=1, last=2))  # where there are zeros, no taps
        self._biases = tuple(weights(f"encoder.{number}.reparam_conv.bias") for number in range(4))
        self._gates = np.ascontiguousarray(gates * half)
        self._gates_bias = (weights("decoder.rnn.bias_ih") + weights("decoder.rnn.bias_hh")) * half
        self._out = np.ascontiguousarray(weights("decoder.decoder.2.weight").reshape(UNITS))
        self._out_bias = float(weights("decoder.decoder.2.bias")[0])

    def __call__(self, hops: Floats, memory: Floats) -> tuple[Floats, Floats]:
        """Return the chance of speech of each hop, and what is to be remembered.

        `hops` is [n, CONTEXT + HOP], samples in [-1, 1); `memory` is [n, 2 * UNITS], zeros at first.
        """
        count = len(hops)
        sound = np.concatenate((hops, hops[:, -2 : -2 - CONTEXT : -1]), axis=1)
        windows: Floats = np.ndarray((count, PLACES, WINDOW), np.float32, sound, 0, (4 * sound.shape[1], 4 * STRIDE, 4))
        spectrum = windows.reshape(-1, WINDOW) @ self._stft
        np.square(spectrum, out=spectrum)
        power = spectrum[:, :BINS] + spectrum[:, BINS:]
        np.sqrt(power, out=power)
        first, second, third, fourth = self._convs
        layer = self._layer(_padded(power.reshape(count, PLACES, BINS), 1), first, 0)
        layer = self._layer(_padded(layer.reshape(count, PLACES, -1), 2), second, 1)
        layer = self._layer(layer.reshape(count, -1), third, 2)
        layer = self._layer(layer, fourth, 3)
        before, cell = memory[:, :UNITS], memory[:, UNITS:]
        gates = np.concatenate((before, layer), axis=1) @ self._gates
        gates += self._gates_bias
        np.tanh(gates, out=gates)
        told = np.empty((count, 2 * UNITS), np.float32)
        gate_in, keep, new, out = (gates[:, at * UNITS : (at + 1) * UNITS] for at in range(4))
        cell = (keep + 1) * cell
        cell += (gate_in + 1) * new
        cell *= 0.5
        told[:, UNITS:] = cell
        np.tanh(cell, out=cell)
        cell *= out + 1
        cell *= 0.5
        told[:, :UNITS] = cell
        level = np.maximum(cell, 0) @ self._out + self._out_bias
        return 1 / (1 + np.exp(-level)), told

    def _layer(self, places: Floats, taps: Floats, number: int) -> Floats:
        layer: Floats = places @ taps
        layer += self._biases[number]
        return np.maximum(layer, 0, out=layer)


def _padded(places: Floats, stride: int) -> Floats:
    """Return the channels at each three places in a row, of [n, place, channel] with zeros around, `stride` apart."""
    count, length, channels = places.shape
    wide = np.zeros((count, length + 2, channels), np.float32)
    wide[:, 1:-1] = places
    shape = (count, length // stride, 3 * channels)
    row = 4 * channels
    windows: Floats = np.ndarray(shape, np.float32, wide, 0, ((length + 2) * row, stride * row, 4))
    return windows.reshape(-1, 3 * channels)
