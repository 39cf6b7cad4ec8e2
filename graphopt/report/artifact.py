"""The report inside an artifact folder: `report.html` for people, `report.json` for tools."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from graphopt.errors import ArtifactError
from graphopt.report.data import Report
from graphopt.report.html import render
from graphopt.runtime.artifact import Artifact
from graphopt.runtime.firmware_artifact import FirmwareArtifact

PAGE, DATA = "report.html", "report.json"
AnyArtifact = TypeVar("AnyArtifact", Artifact, FirmwareArtifact)


def with_report(artifact: AnyArtifact, report: Report) -> AnyArtifact:
    """The artifact with `report` as two more files."""
    files = {PAGE: render(report).encode(), DATA: json.dumps(report.to_json(), indent=1).encode()}
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
