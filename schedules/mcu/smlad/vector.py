"""Products of a single vector, fully connected layers, for cores with SMLAD."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphopt.ir import Graph
from graphopt.lower.kernel import KernelPlan
from graphopt.rewrite import Reject
from graphopt.schedules.mcu.identity import operands
from graphopt.schedules.mcu.smlad.digits import GROUP, Format, vector_format
from graphopt.schedules.mcu.smlad.product import Product, Window, find_product
from graphopt.targets import McuTarget

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc

_WORD = 4
# Channels whose sums wait for an epilogue at a time.
TILE = 32


@dataclass(frozen=True)
class VectorPlan:
    """How the product of a vector is computed, and where in the scratch things lie, in bytes.

    The routine reads the activations where they are. Only if they are no whole words are they
    copied, to the start of the scratch. `results` is where it leaves what the epilogue takes, or
    the last channels where they are no whole unit; `zeros` is a bias for products without one.
    """

    product: Product
    format: Format

    @property
    def copied(self) -> bool:
        return self.product.window.taps % GROUP != 0

    @property
    def requantized(self) -> bool:
        return self.product.requantized is not None

    @property
    def staged(self) -> bool:
        """Whether channels of a unit that is not whole are written to the scratch first."""
        return self.requantized and self.product.window.out_channels % self.format.channels != 0

    @property
    def results(self) -> int:
        return -(-self.product.window.taps // GROUP) * GROUP if self.copied else 0

    @property
    def zeros(self) -> int:
        if not self.requantized:
            return self.results + _WORD * TILE
        return self.results + (_WORD if self.staged else 0)

    @property
    def scratch_bytes(self) -> int:
        return self.zeros + (_WORD * TILE if self.product.routine_bias is None else 0)

    @property
    def sizes(self) -> dict[str, int]:
        """The numbers that the kernel gets at each call, by name."""
        window = self.product.window
        places = {"results": self.results, "zeros": self.zeros}
        return places | {"taps": window.taps, "channels": window.out_channels}

    @property
    def identity(self) -> str:
        """What the code follows from."""
        shape = f"copied {self.copied}, staged {self.staged}"
        return f"{self.format}\n{shape}\n{self.product.identity}"

    def overlap(self) -> dict[tuple[int, int], int]:
        """How far behind the start of x each output may start: memory.md's o_max.

        All of x is read again for each unit of channels, or tile of them before an epilogue.
        """
        product = self.product
        region = product.where.region
        if product.x in operands(region, product.where.anchor):
            return {}
        unit = self.format.channels if self.requantized else TILE
        before_last = (product.window.out_channels - 1) // unit * unit
        if self.copied or before_last == 0:
            most = product.x.type.elements
            return {(self._x, o): most for o in range(len(region.outputs))}
        return {
            (self._x, o): -before_last * output.type.dtype.itemsize
            for o, output in enumerate(region.outputs)
        }

    @property
    def _x(self) -> int:
        return self.product.where.input_index(self.product.x)


@dataclass(frozen=True)
class ProductVector:
    """One pixel by all channels, by routines in assembly that widen activations as they go."""

    name: str = "product_vector"

    def plan(
        self, region: Graph, target: McuTarget, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        if not target.dsp:
            return Reject("the core has no SMLAD")
        product = find_product(region, constant_inputs)
        if isinstance(product, Reject):
            return product
        if not _is_vector(product.window):
            return Reject("more than one pixel, or a part of x")
        x, w = product.x.type.dtype, product.weights.type.dtype
        form = vector_format(x, w, product.window.taps)
        if form is None:
            return Reject(f"no routine multiplies {x} by {w}")
        plan = VectorPlan(product, form)

        def build() -> PrimFunc:
            from graphopt.schedules.mcu.smlad.vector_loops import build

            return build(plan, target)

        return KernelPlan(
            self.name,
            region,
            build,
            packs=product.packs(form),
            scratch_bytes=plan.scratch_bytes,
            inplace=product.where.inplace(product.x, product.weights),
            overlap=plan.overlap(),
            routines=(form.routine,),
            sizes=tuple(plan.sizes.values()),
            identity=plan.identity,
        )


def _is_vector(window: Window) -> bool:
    """Whether one output pixel reads all of x in the order of memory."""
    one = window.images * window.pixels == 1 and window.groups == 1
    neighbours = all(d == 1 or k == 1 for d, k in zip(window.dilations, window.kernel, strict=True))
    return one and neighbours and window.kernel == window.size and window.pads == (0, 0)
