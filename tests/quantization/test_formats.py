import pytest

from graphopt.errors import OptionError
from graphopt.ir import DType
from graphopt.quantization.formats import Format, parse_format


def test_names() -> None:
    assert parse_format("w4a8") == Format(DType.I4, DType.I8)
    assert parse_format("bf16") == Format(DType.BF16, DType.BF16)
    assert parse_format("f8e4m3") == Format(DType.F8E4M3FN, DType.F16)
    for name in ("w8", "w3a8", "w8a3", "i8", ""):
        with pytest.raises(OptionError, match="format: expected"):
            parse_format(name)


def test_bit_operations() -> None:
    """HAWQ-V3 counts MACs / (32 / b)^2 at b bits."""
    for bits in (4, 8, 16):
        assert parse_format(f"w{bits}a{bits}").bops(3) == 1024 * 3 / (32 / bits) ** 2
    assert parse_format("w2a8").bops(10) == 160
    assert parse_format("f32").bops(1) == 1024
