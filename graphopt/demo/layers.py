"""The few layers the demo network needs: forward, backward and ONNX export, in numpy."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from onnx import NodeProto, TensorProto, helper, numpy_helper

Array = np.ndarray[Any, np.dtype[Any]]
"""f32, all of them."""


@dataclass(eq=False)
class Parameter:
    """A trained array and the gradient of the loss by it, both of the same shape."""

    value: Array
    grad: Array = field(init=False)

    def __post_init__(self) -> None:
        self.grad = np.zeros_like(self.value)


@dataclass
class OnnxBody:
    """The nodes and initializers of an ONNX graph under construction."""

    nodes: list[NodeProto] = field(default_factory=list)
    initializers: list[TensorProto] = field(default_factory=list)

    def add(self, op: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        """Append a node called `name` and return the name of its only output."""
        self.nodes.append(helper.make_node(op, inputs, [f"{name}.out"], name, **attributes))
        return f"{name}.out"

    def constant(self, value: Array, name: str) -> str:
        self.initializers.append(numpy_helper.from_array(value, name))
        return name


class Layer(Protocol):
    """One differentiable step. Images are f32 [batch, channels, height, width]."""

    name: str

    def forward(self, x: Array, training: bool) -> Array: ...

    def backward(self, grad: Array) -> Array:
        """Gradient by the input of the last `forward`; adds to the parameters' gradients."""
        ...

    def parameters(self) -> Iterator[Parameter]: ...

    def export(self, body: OnnxBody, x: str) -> str: ...


class Conv:
    """A square convolution without bias, zero-padded so that stride 1 keeps the size."""

    def __init__(
        self, name: str, rng: np.random.Generator, ins: int, outs: int, size: int, stride: int = 1
    ) -> None:
        self.name = name
        self.stride, self.pad, self.size = stride, size // 2, size
        scale = np.sqrt(2 / (ins * size * size))
        weight = rng.standard_normal((outs, ins, size, size)) * scale
        self.weight = Parameter(weight.astype(np.float32))

    def forward(self, x: Array, training: bool) -> Array:
        self.shape = x.shape
        padded = np.pad(x, ((0, 0), (0, 0), (self.pad, self.pad), (self.pad, self.pad)))
        windows = sliding_window_view(padded, (self.size, self.size), (2, 3))
        windows = windows[:, :, :: self.stride, :: self.stride].transpose(0, 2, 3, 1, 4, 5)
        batch, height, width = windows.shape[:3]
        self.columns = windows.reshape(batch * height * width, -1)
        out = self.columns @ self.weight.value.reshape(len(self.weight.value), -1).T
        return out.reshape(batch, height, width, -1).transpose(0, 3, 1, 2)

    def backward(self, grad: Array) -> Array:
        batch, outs, height, width = grad.shape
        rows = grad.transpose(0, 2, 3, 1).reshape(-1, outs)
        self.weight.grad += (rows.T @ self.columns).reshape(self.weight.value.shape)
        columns = (rows @ self.weight.value.reshape(outs, -1)).reshape(
            batch, height, width, -1, self.size, self.size
        )
        n, channels, rows_in, columns_in = self.shape
        padded = np.zeros((n, channels, rows_in + 2 * self.pad, columns_in + 2 * self.pad), "f4")
        for i in range(self.size):
            for j in range(self.size):
                part = columns[..., i, j].transpose(0, 3, 1, 2)
                padded[:, :, i :: self.stride, j :: self.stride][:, :, :height, :width] += part
        return padded[:, :, self.pad : self.pad + rows_in, self.pad : self.pad + columns_in]

    def parameters(self) -> Iterator[Parameter]:
        yield self.weight

    def export(self, body: OnnxBody, x: str) -> str:
        weight = body.constant(self.weight.value, f"{self.name}.weight")
        pads, strides = [self.pad] * 4, [self.stride] * 2
        return body.add("Conv", [x, weight], self.name, pads=pads, strides=strides)


class BatchNorm:
    """Batch normalization over all but the channel axis."""

    epsilon = 1e-5
    momentum = 0.9

    def __init__(self, name: str, channels: int) -> None:
        self.name = name
        self.scale = Parameter(np.ones(channels, np.float32))
        self.bias = Parameter(np.zeros(channels, np.float32))
        self.mean = np.zeros(channels, np.float32)
        self.variance = np.ones(channels, np.float32)

    def forward(self, x: Array, training: bool) -> Array:
        mean, variance = self.mean, self.variance
        if training:
            mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3))
            self.mean = self.momentum * self.mean + (1 - self.momentum) * mean
            self.variance = self.momentum * self.variance + (1 - self.momentum) * variance
        self.inverse = 1 / np.sqrt(variance + np.float32(self.epsilon))
        self.normal = (x - mean[:, None, None]) * self.inverse[:, None, None]
        out: Array = self.normal * self.scale.value[:, None, None]
        return out + self.bias.value[:, None, None]

    def backward(self, grad: Array) -> Array:
        scale, bias = (grad * self.normal).sum((0, 2, 3)), grad.sum((0, 2, 3))
        self.scale.grad += scale
        self.bias.grad += bias
        count = grad.size // grad.shape[1]
        centred = grad - (bias[:, None, None] + self.normal * scale[:, None, None]) / count
        out: Array = centred * (self.scale.value * self.inverse)[:, None, None]
        return out

    def parameters(self) -> Iterator[Parameter]:
        yield self.scale
        yield self.bias

    def export(self, body: OnnxBody, x: str) -> str:
        arrays = (self.scale.value, self.bias.value, self.mean, self.variance)
        names = ("scale", "bias", "mean", "variance")
        inputs = [body.constant(a, f"{self.name}.{n}") for a, n in zip(arrays, names, strict=True)]
        return body.add("BatchNormalization", [x, *inputs], self.name, epsilon=self.epsilon)


class Relu:
    def __init__(self, name: str) -> None:
        self.name = name

    def forward(self, x: Array, training: bool) -> Array:
        self.positive = x > 0
        return x * self.positive

    def backward(self, grad: Array) -> Array:
        return grad * self.positive

    def parameters(self) -> Iterator[Parameter]:
        yield from ()

    def export(self, body: OnnxBody, x: str) -> str:
        return body.add("Relu", [x], self.name)


class GlobalAveragePool:
    """Mean over height and width; the result is f32 [batch, channels]."""

    def __init__(self, name: str) -> None:
        self.name = name

    def forward(self, x: Array, training: bool) -> Array:
        self.shape = x.shape
        out: Array = x.mean((2, 3))
        return out

    def backward(self, grad: Array) -> Array:
        area = self.shape[2] * self.shape[3]
        return np.broadcast_to(grad[:, :, None, None] / area, self.shape)

    def parameters(self) -> Iterator[Parameter]:
        yield from ()

    def export(self, body: OnnxBody, x: str) -> str:
        pooled = body.add("GlobalAveragePool", [x], self.name)
        return body.add("Flatten", [pooled], f"{self.name}.flatten")


class Dense:
    """A fully connected layer with bias."""

    def __init__(self, name: str, rng: np.random.Generator, ins: int, outs: int) -> None:
        self.name = name
        weight = rng.standard_normal((outs, ins)) / np.sqrt(ins)
        self.weight = Parameter(weight.astype(np.float32))
        self.bias = Parameter(np.zeros(outs, np.float32))

    def forward(self, x: Array, training: bool) -> Array:
        self.x = x
        out: Array = x @ self.weight.value.T + self.bias.value
        return out

    def backward(self, grad: Array) -> Array:
        self.weight.grad += grad.T @ self.x
        self.bias.grad += grad.sum(0)
        out: Array = grad @ self.weight.value
        return out

    def parameters(self) -> Iterator[Parameter]:
        yield self.weight
        yield self.bias

    def export(self, body: OnnxBody, x: str) -> str:
        weight = body.constant(self.weight.value, f"{self.name}.weight")
        bias = body.constant(self.bias.value, f"{self.name}.bias")
        return body.add("Gemm", [x, weight, bias], self.name, transB=1)


class Chain:
    """Layers one after the other."""

    def __init__(self, name: str, *layers: Layer) -> None:
        self.name = name
        self.layers = layers

    def forward(self, x: Array, training: bool) -> Array:
        for layer in self.layers:
            x = layer.forward(x, training)
        return x

    def backward(self, grad: Array) -> Array:
        for layer in reversed(self.layers):
            grad = layer.backward(grad)
        return grad

    def parameters(self) -> Iterator[Parameter]:
        for layer in self.layers:
            yield from layer.parameters()

    def export(self, body: OnnxBody, x: str) -> str:
        for layer in self.layers:
            x = layer.export(body, x)
        return x


class Residual:
    """main(x) + shortcut(x), or main(x) + x when there is no shortcut."""

    def __init__(self, name: str, main: Layer, shortcut: Layer | None = None) -> None:
        self.name = name
        self.main, self.shortcut = main, shortcut

    def forward(self, x: Array, training: bool) -> Array:
        side = x if self.shortcut is None else self.shortcut.forward(x, training)
        return self.main.forward(x, training) + side

    def backward(self, grad: Array) -> Array:
        side = grad if self.shortcut is None else self.shortcut.backward(grad)
        return self.main.backward(grad) + side

    def parameters(self) -> Iterator[Parameter]:
        yield from self.main.parameters()
        if self.shortcut is not None:
            yield from self.shortcut.parameters()

    def export(self, body: OnnxBody, x: str) -> str:
        side = x if self.shortcut is None else self.shortcut.export(body, x)
        return body.add("Add", [self.main.export(body, x), side], f"{self.name}.add")
