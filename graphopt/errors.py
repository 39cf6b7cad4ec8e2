"""Every error graphopt raises on purpose, under one base class."""

from collections.abc import Mapping


class GraphoptError(Exception):
    """Something the user can act on: where it happened, what is wrong, what to do.

    Prints as ``<where>: <what>`` with the advice, when there is one, on a second line.
    """

    def __init__(self, where: str, what: str, hint: str = "") -> None:
        self.where = where
        self.what = what
        self.hint = hint
        line = f"{where}: {what}" if where else what
        super().__init__(f"{line}\n{hint}" if hint else line)


class ModelError(GraphoptError):
    """The model file is damaged or breaks the ONNX rules."""


class UnsupportedOperator(GraphoptError):
    """An operator, attribute or type that graphopt cannot compile; names the node."""


class NotConstant(UnsupportedOperator):
    """An input that decides shapes must be known at compile time.

    Attributes:
        value: the value that had to be known.
        inputs: the model inputs that it is computed from.
    """

    def __init__(self, where: str, value: str, role: str, inputs: tuple[str, ...] = ()) -> None:
        self.value = value
        self.inputs = inputs or (value,)
        found = f"the computed value %{value}"
        if self.inputs != (value,):
            found += f", which depends on {', '.join(self.inputs)}"
        super().__init__(
            where,
            f"{role}: expected a constant, found {found}",
            f"make it an initializer, or bind {' and '.join(self.inputs)} "
            "with constants={name: array}",
        )


class TypeRuleError(GraphoptError):
    """An operator was applied to types or shapes it is not defined for."""


class ShapeBindingError(GraphoptError):
    """A symbolic dimension is unbound, or a given shape does not fit the model."""


class ParseError(GraphoptError):
    """Text that is not a graph; says line, column and what was expected."""


class VerifyError(GraphoptError):
    """A graph breaks an invariant of the IR or of its phase."""


class PassError(GraphoptError):
    """A pass failed; names the pass and the ones before it."""


class BuildError(GraphoptError):
    """A kernel or the program could not be compiled or linked."""


class InputError(GraphoptError):
    """An array given to a model has the wrong name, shape or dtype."""


class ArtifactError(GraphoptError):
    """An artifact folder is damaged, unreadable or cannot be written."""


class TargetError(GraphoptError):
    """An unknown target, or an artifact built for a CPU other than this one."""


class ToolchainError(GraphoptError):
    """A compiler or emulator is not installed; names the Debian package."""


class EmulatorError(GraphoptError):
    """Code faulted or did not end on the emulator, or broke its contract; names the function."""


class CalibrationError(GraphoptError):
    """An activation cannot be quantized: NaN or infinity for a sample; names node and sample."""


class PlanError(GraphoptError):
    """A plan is damaged, or does not fit the graph it is applied to."""


class OptionError(GraphoptError):
    """An option's value is not one that graphopt knows."""


class PrecisionError(GraphoptError):
    """A mixed-precision problem, or a saved assignment, that has no meaning for this model."""


class MemoryPlanError(GraphoptError):
    """A memory problem or plan that has no meaning: who reads or writes what is not there."""


class BudgetError(GraphoptError):
    """Limits that cannot be held.

    Attributes:
        smallest: by the name of each limit that stands in the way, the smallest value that it can
            reach: by itself where it is out of reach, else while the other ones are held.
    """

    def __init__(
        self, where: str, what: str, hint: str = "", smallest: Mapping[str, float] | None = None
    ) -> None:
        self.smallest = dict(smallest or {})
        super().__init__(where, what, hint)
