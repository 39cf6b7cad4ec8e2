"""WHAT is computed: passes from graph to graph, one per file.

`PASSES` names every pass graphopt ships, as module and class. Other packages add theirs through
the entry-point group ``graphopt.passes``: entry point name = pass name, object = the class.
"""

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from graphopt.errors import OptionError
from graphopt.rewrite import Pass

if __name__ != "graphopt.passes":
    raise ImportError("import graphopt.passes, not the folder it lies in")

PASSES: dict[str, str] = {}


@cache
def outside_passes() -> dict[str, type[Pass]]:
    """Passes of other packages, by name.

    Raises:
        OptionError: a name is taken twice, or an entry point is not a Pass of that name.
    """
    found: dict[str, type[Pass]] = {}
    for entry in entry_points(group="graphopt.passes"):
        if entry.name in PASSES or entry.name in found:
            raise OptionError(
                f"entry point {entry.value}", f"the pass name {entry.name!r} is taken"
            )
        cls = entry.load()
        if not (isinstance(cls, type) and issubclass(cls, Pass) and cls.name == entry.name):
            raise OptionError(
                f"entry point {entry.value}", f"expected a Pass named {entry.name!r}, found {cls!r}"
            )
        found[entry.name] = cls
    return found


def pass_class(name: str) -> type[Pass]:
    """The class of a pass.

    Raises:
        OptionError: no pass has this name.
    """
    if name in PASSES:
        module, cls = PASSES[name].split(":")
        loaded: type[Pass] = getattr(import_module(f"{__name__}.{module}"), cls)
        return loaded
    if name in outside_passes():
        return outside_passes()[name]
    raise OptionError(
        name, "no pass has this name", "`graphopt passes` lists them: " + ", ".join(sorted(PASSES))
    )


def load_pass(name: str) -> Pass:
    """A pass with its default options."""
    return pass_class(name)()
