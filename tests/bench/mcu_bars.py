"""What microcontroller engines need for the models of MLPerf Tiny, and what graphopt must need.

The engines' figures were measured with QEMU 7.2 and gcc 12.2 on the TFLite originals of the same
networks: instructions of one inference, bytes of RAM used, bytes of flash with model.
"""

from __future__ import annotations

from dataclasses import dataclass

VWW = "vww96_mobilenetv1_int8_qdq"
KWS = "kws_dscnn_int8_qdq"
IC = "ic_resnet8_int8_qdq"
AD = "ad_autoencoder_int8_qdq"
MCUNET_VWW = "mcunet_vww80_int8_qdq"
MODELS = {"VWW": VWW, "KWS": KWS, "IC": IC, "AD": AD, "MCUNet VWW": MCUNET_VWW}


@dataclass(frozen=True)
class Bar:
    """The most that is allowed, what is aimed at, and what the best engine needs."""

    must: float | None = None
    aim: float | None = None
    tflm: float | None = None
    tinyengine: float | None = None


# On M4 and M33 as on M7, within 10%.
_M7 = {
    VWW: Bar(12.0e6, 10.0e6, 24_026_374, 19_720_931),
    KWS: Bar(4.3e6, 3.6e6, 7_642_514),
    IC: Bar(17.0e6, 15.0e6, 30_027_887, 25_613_560),
    AD: Bar(0.45e6, 0.42e6, 583_520),
    MCUNET_VWW: Bar(22e6, 18e6, 47_792_604, 34_526_206),
}
_M4_TFLM = {VWW: 24.10e6, KWS: 7.70e6, IC: 29.86e6, AD: 0.583e6}
_M0_TFLM = {VWW: 86.90e6, KWS: 28.99e6, IC: 97.55e6, AD: 1.764e6}
INSTRUCTIONS: dict[str, dict[str, Bar]] = {
    "cortex-m7": _M7,
    "cortex-m4": {
        name: Bar(1.1 * (bar.must or 0), 1.1 * (bar.aim or 0), _M4_TFLM.get(name))
        for name, bar in _M7.items()
    },
    "cortex-m33": {
        name: Bar(1.1 * (bar.must or 0), 1.1 * (bar.aim or 0)) for name, bar in _M7.items()
    },
    "cortex-m55": {
        VWW: Bar(3.3e6, tflm=6_559_124),
        KWS: Bar(0.95e6, tflm=1_812_469),
        IC: Bar(2.6e6, tflm=4_911_622),
        AD: Bar(tflm=150_288),
    },
    "cortex-m0plus": {name: Bar(0.7 * tflm, tflm=tflm) for name, tflm in _M0_TFLM.items()},
    "rv32imc": {},
}
RAM = {
    VWW: Bar(56e3, tflm=100_708, tinyengine=60_728),
    KWS: Bar(17e3, tflm=22_820),
    IC: Bar(36e3, tflm=54_996, tinyengine=125_184),
    AD: Bar(1.2e3, tflm=2_580),
    MCUNET_VWW: Bar(tflm=219_808, tinyengine=93_992),
}
# Besides the weights, on a Cortex-M7; the engines' figures are all of the flash.
CODE = Bar(24 * 1024, 12 * 1024)
FLASH = {
    VWW: Bar(tflm=433_452, tinyengine=248_080),
    KWS: Bar(tflm=154_100),
    IC: Bar(tflm=193_148, tinyengine=94_176),
    AD: Bar(tflm=318_436),
    MCUNET_VWW: Bar(tflm=741_796, tinyengine=512_048),
}
