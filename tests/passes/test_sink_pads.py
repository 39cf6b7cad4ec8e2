from graphopt.passes.sink_pads import SinkPads
from graphopt.testing import check_pass


def test_quantizes_the_padding() -> None:
    check_pass(
        SinkPads(),
        before="""
        graph g(%x: f32[2]) {
          %s: f32[] = constant(0.5)
          %z: i8[] = constant(3)
          %0: f32[4] = pad(%x) {pads = (1, 1), value = 2.0}
          %1: i8[4] = quantize(%0, %s, %z)
          return %1
        }""",
        after="""
        graph g(%x: f32[2]) {
          %s: f32[] = constant(0.5)
          %z: i8[] = constant(3)
          %1.0: i8[2] = quantize(%x, %s, %z)
          %1: i8[4] = pad(%1.0) {pads = (1, 1), value = 7}
          return %1
        }""",
    )


def test_dequantizes_the_padding() -> None:
    check_pass(
        SinkPads(),
        before="""
        graph g(%x: u8[2]) {
          %s: f32[] = constant(0.5)
          %z: u8[] = constant(3)
          %0: u8[4] = pad(%x) {pads = (1, 1), value = 7}
          %1: f32[4] = dequantize(%0, %s, %z)
          return %1
        }""",
        after="""
        graph g(%x: u8[2]) {
          %s: f32[] = constant(0.5)
          %z: u8[] = constant(3)
          %1.0: f32[2] = dequantize(%x, %s, %z)
          %1: f32[4] = pad(%1.0) {pads = (1, 1), value = 2.0}
          return %1
        }""",
    )


def test_keeps_a_scale_per_channel() -> None:
    check_pass(
        SinkPads(),
        before="""
        graph g(%x: f32[1,2]) {
          %s: f32[2] = constant([0.5, 1.0])
          %z: i8[2] = constant([0, 0])
          %0: f32[2,2] = pad(%x) {pads = (1, 0, 0, 0)}
          %1: i8[2,2] = quantize(%0, %s, %z) {axis = 1}
          return %1
        }""",
    )


def test_keeps_a_pad_with_a_second_use() -> None:
    check_pass(
        SinkPads(),
        before="""
        graph g(%x: f32[2]) {
          %s: f32[] = constant(0.5)
          %z: i8[] = constant(3)
          %0: f32[4] = pad(%x) {pads = (1, 1)}
          %1: i8[4] = quantize(%0, %s, %z)
          return %1, %0
        }""",
    )
