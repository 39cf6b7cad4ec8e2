"""The package installs whole, imports fast, and its two commands are the README's."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import graphopt
from graphopt.passes import PASSES

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def sources() -> set[str]:
    """Every module of the checkout, as it is named inside an installed graphopt."""
    found: set[str] = set()
    for top in ("graphopt", "passes", "schedules", "targets"):
        for path in (ROOT / top).rglob("*.py"):
            inside = path.relative_to(ROOT)
            if top == "graphopt" and len(inside.parts) > 2:
                # The links show the other three folders a second time.
                if (ROOT / "graphopt" / inside.parts[1]).is_symlink():
                    continue
            found.add(str(inside if top == "graphopt" else Path("graphopt") / inside))
    return found


def test_every_package_is_listed() -> None:
    packages = {str(Path(source).parent).replace("/", ".") for source in sources()}
    assert packages == set(PROJECT["tool"]["setuptools"]["packages"])


def test_wheel_holds_every_module_and_data_file(tmp_path: Path) -> None:
    copy = tmp_path / "source"
    left = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__", "tests")
    shutil.copytree(ROOT, copy, symlinks=True, ignore=left)
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", tmp_path, copy],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    data = {
        "graphopt/py.typed",
        "graphopt/demo/digits.onnx",
        "graphopt/demo/digits.npz",
        "graphopt/report/page.html.j2",
        "graphopt/report/pareto.html.j2",
        "graphopt/report/report.html.j2",
        *(f"graphopt/{path.relative_to(ROOT)}" for path in (ROOT / "targets").glob("*/*.toml")),
        *(f"graphopt/{path.relative_to(ROOT)}" for path in (ROOT / "targets").rglob("support/*")),
    }
    assert sources() | data <= names
    assert not [name for name in names if name.startswith(("passes/", "tests/"))]


def test_import_is_fast_and_leaves_the_heavy_packages_alone() -> None:
    code = (
        "import sys, time; t = time.perf_counter(); import graphopt; "
        "print(time.perf_counter() - t, *sorted({'tvm', 'onnx', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT
    )
    seconds, *heavy = done.stdout.split()
    assert float(seconds) <= 0.5
    assert heavy == []


def test_public_names_are_there() -> None:
    for name in graphopt.__all__:
        assert getattr(graphopt, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(graphopt, "nothing")  # noqa: B009
    assert PROJECT["project"]["version"] == graphopt.__version__


def test_ci_runs_the_test_command_of_the_readme() -> None:
    command = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()[-1]
    readme = (ROOT / "README.md").read_text("utf-8")
    assert command.endswith("pytest -n 2")
    assert f"```sh\n{command}\n```" in readme


def test_every_dependency_is_pinned() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    pinned = {
        line.split("==")[0].lower().replace("_", "-") for line in lock.splitlines() if "==" in line
    }
    asked = PROJECT["project"]["dependencies"] + PROJECT["project"]["optional-dependencies"]["test"]
    for requirement in asked:
        name = requirement.split(">")[0].split("=")[0].strip().lower().replace("_", "-")
        assert name in pinned, requirement


def test_readme_names_passes_that_exist() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    lists = re.findall(r"--passes ([\w,-]+)", readme)
    assert len(lists) == 2
    assert {name for names in lists for name in names.split(",")} <= set(PASSES)
