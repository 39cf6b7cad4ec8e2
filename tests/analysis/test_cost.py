"""Products and bytes of regions."""

from graphopt.analysis.cost import costs, total
from graphopt.passes.fuse_regions import FuseRegions
from graphopt.text import parse_graph

TEXT = """
    graph g(%x: f32[2,3]) {
      %w: f32[3,8] = constant(0.5)
      %0: f32[2,8] = matmul(%x, %w)
      %1: f32[2,8] = relu(%0)
      %2: f32[16] = reshape(%1) {shape = (16,)}
      return %2
    }"""


def test_a_region_reads_and_writes_at_its_border_only() -> None:
    product, reshape = costs(FuseRegions().run(parse_graph(TEXT)))
    assert product.operators == ("matmul", "relu")
    assert product.macs == 2 * 3 * 8
    assert (product.bytes_read, product.bytes_written) == (2 * 3 * 4, 2 * 8 * 4)
    assert product.weight_bytes == 3 * 8 * 4
    assert reshape.bytes_moved == 0


def test_fusion_saves_the_bytes_of_the_inner_value() -> None:
    graph = parse_graph(TEXT)
    before, after = total(costs(graph)), total(costs(FuseRegions().run(graph)))
    assert before.macs == after.macs
    assert before.bytes_moved - after.bytes_moved == 2 * (2 * 8 * 4)


def test_a_gather_reads_what_it_keeps_of_a_table() -> None:
    (cost,) = costs(
        parse_graph("""
        graph g(%i: i64[2]) {
          %t: f32[100,4] = constant(1.0)
          %0: f32[2,4] = gather(%t, %i)
          return %0
        }""")
    )
    assert (cost.weight_bytes, cost.bytes_read) == (2 * 4 * 4, 2 * 8)
