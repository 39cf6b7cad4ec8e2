"""All commands in one place."""

from typing import Annotated

import typer

import graphopt
from graphopt.cli import bench, demo, graphs, models, quantize

app = typer.Typer(
    help="Compile ONNX models for the CPU they will run on.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(graphopt.__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it and exit.")
    ] = False,
) -> None:
    """Compile ONNX models for the CPU they will run on."""


app.command("compile")(models.compile_)
app.command()(quantize.quantize)
app.command()(models.run)
app.command()(models.inspect)
app.command("bench")(bench.bench)
app.command()(graphs.opt)
app.command()(graphs.bisect)
app.command()(graphs.passes)
app.command()(graphs.targets)
app.command("demo")(demo.demo)
