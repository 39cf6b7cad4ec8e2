"""The TFLite originals of the quantized models, run by TFLite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphopt.ir import Array

from ..frontend.shared_models import FOLDER

TFLITE = {
    "ad_autoencoder_int8_qdq": "ad01_int8",
    "ic_resnet8_int8_qdq": "ic_resnet8_int8",
    "kws_dscnn_int8_qdq": "kws_ref_int8",
    "mcunet_in3_int8_qdq": "mcunet-320kb-1mb_imagenet_int8",
    "mcunet_vww80_int8_qdq": "tinyengine_vww",
    "mobilenetv1_025_128_imagenet_uint8_qdq": "coral_mobilenet_v1_0.25_128_quant",
    "vww96_mobilenetv1_int8_qdq": "vww_96_int8",
}
# The converter of this model dropped a change of the last zero point (the models' README).
SHIFTED = {"mcunet_in3_int8_qdq": 44}
Feed = dict[str, Array]


def tflite_runner(name: str) -> Callable[[Feed], list[Array]]:
    """The TFLite original of a model, run as TFLite runs it by default."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(FOLDER / "tflite" / f"{TFLITE[name]}.tflite"))
    interpreter.allocate_tensors()
    (source,) = interpreter.get_input_details()
    results = interpreter.get_output_details()

    def run(feed: Feed) -> list[Array]:
        (x,) = feed.values()
        interpreter.set_tensor(source["index"], _as(x, source))
        interpreter.invoke()
        outputs = [interpreter.get_tensor(each["index"]) for each in results]
        shift = SHIFTED.get(name, 0)
        if shift:
            return [np.clip(o.astype(np.int16) - shift, -128, 127).astype(np.int8) for o in outputs]
        return outputs

    def _as(x: Array, detail: dict[str, Any]) -> Array:
        if x.dtype == detail["dtype"]:
            return x.reshape(detail["shape"])
        scale, zero = detail["quantization"]
        limits = np.iinfo(detail["dtype"])
        stored = np.clip(np.rint(x / np.float32(scale)) + zero, limits.min, limits.max)
        return np.asarray(stored.astype(detail["dtype"]).reshape(detail["shape"]))

    return run
