"""What a report says of a program because it is for a microcontroller."""

from __future__ import annotations

from graphopt.ir import DType
from graphopt.lower.mcu.text import short_location
from graphopt.lower.program import Program
from graphopt.lower.steps import Call
from graphopt.report.units import count
from graphopt.targets import McuTarget, load_target

# Of the compiler's library on ARMv6-M and RV32IMC, measured over the products of the keyword
# spotting network in f32: 162 and 165.
_SOFT_PRODUCT_INSTRUCTIONS = 160
# The kernels that a note names.
_NAMED_KERNELS = 4


def firmware_notes(program: Program) -> tuple[str, ...]:
    """Slower routes that concern the whole program, with their costs."""
    target = program.target
    if not isinstance(target, McuTarget):
        return ()
    notes: list[str] = []
    missing = _missing_floats(target)
    sites = [(call, times) for call, times in program.sites if _computes(call, missing)]
    if sites:
        products = sum(_products(call, missing) * times for call, times in sites)
        where = tuple(dict.fromkeys(call.location for call, _ in sites))
        cost = count(products * _SOFT_PRODUCT_INSTRUCTIONS)
        used = (dtype.value for dtype in missing if any(_computes(c, (dtype,)) for c, _ in sites))
        types = " and ".join(used)
        notes.append(
            f"{target.core} has no instructions for {types}: {len(where)} kernels compute in "
            f"software ({_names(where)}), {count(products)} products at about "
            f"{_SOFT_PRODUCT_INSTRUCTIONS} instructions, {cost} in all; "
            "quantize the model to avoid it"
        )
    if target.form == "source" and _has_vectors(target):
        notes.append(
            "kernels in C use no Helium vectors: they take several times the instructions of "
            "those in machine code (form library)"
        )
    return tuple(notes)


def _names(locations: tuple[str, ...]) -> str:
    """The first of them, and how many more there are."""
    shown = [short_location(each) for each in locations[:_NAMED_KERNELS]]
    more = len(locations) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _missing_floats(target: McuTarget) -> tuple[DType, ...]:
    if target.fpu == "none":
        return (DType.F32, DType.F64)
    return (DType.F64,) if target.fpu == "single" else ()


def _computes(call: Call, dtypes: tuple[DType, ...]) -> bool:
    nodes = call.kernel.plan.region.nodes
    return any(value.type.dtype in dtypes for node in nodes for value in node.outputs)


def _products(call: Call, dtypes: tuple[DType, ...]) -> int:
    nodes = call.kernel.plan.region.nodes
    return sum(node.macs for node in nodes if node.outputs[0].type.dtype in dtypes)


def _has_vectors(target: McuTarget) -> bool:
    """Whether the target has Helium, which it is compiled without in this form."""
    whole = load_target(target.name)
    return isinstance(whole, McuTarget) and whole.mve
