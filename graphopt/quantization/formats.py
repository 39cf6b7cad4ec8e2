"""Number formats that a layer can compute in."""

from __future__ import annotations

import re
from dataclasses import dataclass

from graphopt.errors import OptionError
from graphopt.ir import DType

FLOATS = {"f32": DType.F32, "f16": DType.F16, "bf16": DType.BF16}
# Weights of these have a scale per output channel; activations stay in half precision.
SCALED_FLOATS = {"f8e4m3": DType.F8E4M3FN, "f8e5m2": DType.F8E5M2}
WEIGHTS = {2: DType.I2, 4: DType.I4, 8: DType.I8, 16: DType.I16}
ACTIVATIONS = {2: DType.I2, 4: DType.I4, 8: DType.I8, 16: DType.I16}


@dataclass(frozen=True)
class Format:
    """The dtypes of a layer's weights and of the activation that it reads.

    Attributes:
        patched: patches of the activation have bits of their own, at most those of `activations`;
            see `graphopt.quantization.patches`.
    """

    weights: DType
    activations: DType
    patched: bool = False

    @property
    def is_integer(self) -> bool:
        return self.weights.is_integer

    def bops(self, macs: int) -> int:
        """The bit operations of `macs` products: bits of the weights times bits of the activations.

        With patches, as if all had the most bits. 1024 times the figure of HAWQ-V3's tables, which
        is relative to 32 by 32 bits.
        """
        return macs * self.weights.bits * self.activations.bits


def parse_format(name: str) -> Format:
    """The format of a name: "w8a8", "w4a8", "w2a8", "w16a16" and such, or a float type.

    "w8ap" and "w4ap" store an activation in patches of 8 and fewer bits.

    Raises:
        OptionError: no format has this name.
    """
    if name in FLOATS:
        return Format(FLOATS[name], FLOATS[name])
    if name in SCALED_FLOATS:
        return Format(SCALED_FLOATS[name], DType.F16)
    found = re.fullmatch(r"w(\d+)ap", name)
    if found and int(found[1]) in WEIGHTS:
        return Format(WEIGHTS[int(found[1])], DType.I8, patched=True)
    found = re.fullmatch(r"w(\d+)a(\d+)", name)
    if found:
        bits = int(found[1]), int(found[2])
        if bits[0] in WEIGHTS and bits[1] in ACTIVATIONS:
            return Format(WEIGHTS[bits[0]], ACTIVATIONS[bits[1]])
    raise OptionError(
        "format",
        f"expected wXaY with X of {sorted(WEIGHTS)} and Y of {sorted(ACTIVATIONS)} or p, "
        f"or one of {', '.join((*FLOATS, *SCALED_FLOATS))}, found {name!r}",
    )
