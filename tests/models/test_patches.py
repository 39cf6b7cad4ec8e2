"""Real models in patches on an emulated Cortex-M7: the interpreter's bytes, within the bars."""

from __future__ import annotations

import pytest

from ..bench.mcu_bars import MCUNET_VWW, VWW
from ..bench.patch import measure
from ..bench.patch_bars import CASES, Case
from ..frontend.shared_models import FOLDER
from ..targets.mcu.cores import mcu

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason=f"needs {FOLDER}")


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.model in (VWW, MCUNET_VWW)], ids=lambda case: case.label
)
def test_plans_that_are_searched_for_keep_the_bars(case: Case) -> None:
    mcu("cortex-m7")
    row = measure(case, "cortex-m7", 2)
    assert row.elements and not row.differing
    assert row.agree and row.planned <= case.sram
    assert row.macs == case.macs == 1.0
    assert row.instructions <= (case.instructions or 1.0)
