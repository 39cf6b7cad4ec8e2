"""The report inside an artifact folder: `report.html` for people, `report.json` for tools.

Beside it lies the plan of its patched regions, if it has any: to be edited, and given back.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from graphopt.errors import ArtifactError
from graphopt.patching.plan import PatchPlan
from graphopt.report.data import Report
from graphopt.report.html import render
from graphopt.runtime.artifact import Artifact
from graphopt.runtime.firmware_artifact import FirmwareArtifact

PAGE, DATA, PLAN = "report.html", "report.json", "patch-plan.json"
AnyArtifact = TypeVar("AnyArtifact", Artifact, FirmwareArtifact)


def with_report(
    artifact: AnyArtifact, report: Report, plan: PatchPlan | None = None
) -> AnyArtifact:
    """The artifact with `report` as two more files, and `plan` as one."""
    files = {PAGE: render(report).encode(), DATA: json.dumps(report.to_json(), indent=1).encode()}
    if plan is not None and plan.regions:
        files[PLAN] = (json.dumps(plan.to_json(), indent=1) + "\n").encode()
    return replace(artifact, extras={**artifact.extras, **files})


def read_report(folder: Path) -> Report:
    """The report of an artifact folder.

    Raises:
        ArtifactError: it is missing or damaged.
    """
    try:
        return Report.from_json(json.loads((folder / DATA).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(
            str(folder / DATA),
            f"expected the report of an artifact, found: {error}",
            "compile the model again",
        ) from error
