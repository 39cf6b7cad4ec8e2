"""What patch-based engines need of memory, and what graphopt must need; bytes of working memory.

Figures of MCUNetV2 are by the arithmetic of TinyEngine, those of TinyEngine and X-CUBE-AI measured,
those of msf-CNN its own count: neither the network's input nor its final output.
"""

from __future__ import annotations

from dataclasses import dataclass

from .mcu_bars import IC, KWS, MCUNET_VWW, VWW

MOBILENETV2 = "mobilenetv2_imagenet_int8_qdq"
MCUNET_IN3 = "mcunet_in3_int8_qdq"
MBV2_CHAIN = "mbv2_w035_r144"
VWW_CHAIN = "mcunetv2_vww_5fps_r80"
CHAINS = (MBV2_CHAIN, VWW_CHAIN)

_KIB = 1024


@dataclass(frozen=True)
class Case:
    """A model, how it is to be run, and the bars.

    Attributes:
        model: a file of the shared models, or one of the shared `CHAINS`.
        sram: bytes of working memory at most.
        macs: executed multiply-accumulates at most, as a multiple of those of the model (F).
        least: search for the least memory, not for the least work within `sram`.
        stream: the input arrives by rows.
        aside: which ports do not count: "input", "output".
        grid: patches of MCUNetV2, each way; 0 for a plan that is searched for.
        instructions: at most, as a multiple of those without patches.
        peers: what others need.
    """

    label: str
    model: str
    sram: float
    macs: float | None = 1.0
    least: bool = False
    stream: bool = True
    aside: tuple[str, ...] = ()
    grid: int = 0
    instructions: float | None = None
    peers: str = ""


_MSF = ("input", "output")
CASES = (
    Case(
        "1 MobileNetV2, 4x4 patches", MOBILENETV2, 172 * _KIB, 1.1005, stream=False,
        aside=("input",), grid=4, peers="MCUNetV2 172 KiB, F 1.10",
    ),
    Case("1 MobileNetV2", MOBILENETV2, 130 * _KIB, peers="MCUNetV2 172 KiB, F 1.10"),
    Case("2 MCUNet-in3", MCUNET_IN3, 100e3, peers="TinyEngine 260k, X-CUBE-AI 243k"),
    Case("2 MCUNet-in3, F 1.5", MCUNET_IN3, 64e3, 1.5, peers="msf-CNN 51k, F 2.69"),
    Case("2 MCUNet-in3, least", MCUNET_IN3, 52e3, None, least=True, peers="msf-CNN 51k, F 2.69"),
    Case(
        "3 MCUNet VWW", MCUNET_VWW, 30e3, instructions=1.03,
        peers="TinyEngine 94.0k; 2x2 81.6k, +9.5%",
    ),
    Case("4 VWW", VWW, 24e3, instructions=1.05, peers="TFLM 100.7k"),
    Case("4 IC", IC, 16e3, instructions=1.05, peers="TFLM 55.0k"),
    Case("4 KWS", KWS, 8e3 - 1, instructions=1.05, peers="TFLM 22.8k"),
    Case("5 mbv2_w035", MBV2_CHAIN, 25e3, stream=False, aside=_MSF, peers="msf-CNN 25.8k, F 1.25"),
    Case("5 vww_5fps", VWW_CHAIN, 16e3, stream=False, aside=_MSF, peers="msf-CNN 17.9k, F 1.35"),
    Case(
        "5 mbv2_w035, least", MBV2_CHAIN, 8.6e3, None, least=True, stream=False, aside=_MSF,
        peers="msf-CNN 8.6k, F 1.68",
    ),
    Case(
        "5 vww_5fps, least", VWW_CHAIN, 15.4e3, None, least=True, stream=False, aside=_MSF,
        peers="msf-CNN 15.4k, F 1.96",
    ),
)  # fmt: skip
# Seconds for MobileNetV2 on two cores.
SEARCH_SECONDS = 30
