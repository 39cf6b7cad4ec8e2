"""WHAT is computed: passes from graph to graph, one per file.

`PASSES` names every pass graphopt ships, as module and class. Other packages add theirs through
the entry-point group ``graphopt.passes``: entry point name = pass name, object = the class.
"""

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from graphopt.errors import OptionError
from graphopt.rewrite import Pass

if __name__ != "graphopt.passes":
    raise ImportError("import graphopt.passes, not the folder it lies in")

PASSES: dict[str, str] = {
    "assign-layout": "assign_layout:AssignLayout",
    "canonicalize-bounds": "canonicalize_bounds:CanonicalizeBounds",
    "canonicalize-divisions": "canonicalize_divisions:CanonicalizeDivisions",
    "canonicalize-reciprocals": "canonicalize_reciprocals:CanonicalizeReciprocals",
    "canonicalize-subtractions": "canonicalize_subtractions:CanonicalizeSubtractions",
    "distribute-scale": "distribute_scale:DistributeScale",
    "duplicate-widenings": "duplicate_widenings:DuplicateWidenings",
    "eliminate-dead-code": "eliminate_dead_code:EliminateDeadCode",
    "eliminate-expand": "eliminate_expand:EliminateExpand",
    "eliminate-identity": "eliminate_identity:EliminateIdentity",
    "eliminate-requantization": "eliminate_requantization:EliminateRequantization",
    "eliminate-retypes": "eliminate_retypes:EliminateRetypes",
    "equalize-channels": "equalize_channels:EqualizeChannels",
    "fold-bias": "fold_bias:FoldBias",
    "fold-constants": "fold_constants:FoldConstants",
    "fold-decoded-constants": "fold_decoded_constants:FoldDecodedConstants",
    "fold-input-bias": "fold_input_bias:FoldInputBias",
    "fold-input-scale": "fold_input_scale:FoldInputScale",
    "fold-pad-into-conv": "fold_pad_into_conv:FoldPadIntoConv",
    "fold-pad-into-pool": "fold_pad_into_pool:FoldPadIntoPool",
    "fold-scale-into-conv": "fold_scale_into_conv:FoldScaleIntoConv",
    "fold-scale-into-matmul": "fold_scale_into_matmul:FoldScaleIntoMatmul",
    "fold-transpose-into-matmul": "fold_transpose_into_matmul:FoldTransposeIntoMatmul",
    "fold-transpose-into-weights": "fold_transpose_into_weights:FoldTransposeIntoWeights",
    "fold-zero-points": "fold_zero_points:FoldZeroPoints",
    "fuse-parallel-convs": "fuse_parallel_convs:FuseParallelConvs",
    "fuse-parallel-matmuls": "fuse_parallel_matmuls:FuseParallelMatmuls",
    "fuse-regions": "fuse_regions:FuseRegions",
    "hoist-encodes": "hoist_encodes:HoistEncodes",
    "hoist-matmul-scale": "hoist_matmul_scale:HoistMatmulScale",
    "insert-quantizers": "insert_quantizers:InsertQuantizers",
    "integer-add": "integer_add:IntegerAdd",
    "integer-bias": "integer_bias:IntegerBias",
    "integer-interface": "integer_interface:IntegerInterface",
    "integer-layer-norm": "integer_layer_norm:IntegerLayerNorm",
    "integer-lookup": "integer_lookup:IntegerLookup",
    "integer-mul": "integer_mul:IntegerMul",
    "integer-pool": "integer_pool:IntegerPool",
    "integer-prelu": "integer_prelu:IntegerPrelu",
    "integer-products": "integer_products:IntegerProducts",
    "integer-resize": "integer_resize:IntegerResize",
    "integer-select": "integer_select:IntegerSelect",
    "integer-softmax": "integer_softmax:IntegerSoftmax",
    "legalize-quantization": "legalize_quantization:LegalizeQuantization",
    "legalize-rounding": "legalize_rounding:LegalizeRounding",
    "lift-conv1d": "lift_conv1d:LiftConv1d",
    "merge-clips": "merge_clips:MergeClips",
    "merge-common-subexpressions": "merge_common_subexpressions:MergeCommonSubexpressions",
    "merge-constant-inputs": "merge_constant_inputs:MergeConstantInputs",
    "merge-integer-clips": "merge_integer_clips:MergeIntegerClips",
    "merge-integer-offsets": "merge_integer_offsets:MergeIntegerOffsets",
    "merge-reshapes": "merge_reshapes:MergeReshapes",
    "merge-slices": "merge_slices:MergeSlices",
    "merge-transposes": "merge_transposes:MergeTransposes",
    "order-nodes": "order_nodes:OrderNodes",
    "patch-regions": "patch_regions:PatchRegions",
    "recognize-depth-to-space": "recognize_depth_to_space:RecognizeDepthToSpace",
    "recognize-gelu": "recognize_gelu:RecognizeGelu",
    "recognize-global-pool": "recognize_global_pool:RecognizeGlobalPool",
    "recognize-hard-sigmoid": "recognize_hard_sigmoid:RecognizeHardSigmoid",
    "recognize-hard-swish": "recognize_hard_swish:RecognizeHardSwish",
    "recognize-layer-norm": "recognize_layer_norm:RecognizeLayerNorm",
    "recognize-silu": "recognize_silu:RecognizeSilu",
    "requantize-decoded": "requantize_decoded:RequantizeDecoded",
    "simplify-pow": "simplify_pow:SimplifyPow",
    "simplify-transposes": "simplify_transposes:SimplifyTransposes",
    "sink-clips-past-encode": "sink_clips_past_encode:SinkClipsPastEncode",
    "sink-decodes": "sink_decodes:SinkDecodes",
    "sink-expands": "sink_expands:SinkExpands",
    "sink-pads": "sink_pads:SinkPads",
    "sink-reshapes": "sink_reshapes:SinkReshapes",
    "sink-reshapes-past-matmul": "sink_reshapes_past_matmul:SinkReshapesPastMatmul",
    "sink-reshapes-past-reduction": "sink_reshapes_past_reduction:SinkReshapesPastReduction",
    "sink-reshapes-past-slice": "sink_reshapes_past_slice:SinkReshapesPastSlice",
    "sink-transposes": "sink_transposes:SinkTransposes",
    "sink-transposes-past-reshape": "sink_transposes_past_reshape:SinkTransposesPastReshape",
    "spell-out-quantization": "spell_out_quantization:SpellOutQuantization",
    "type-quantizers": "type_quantizers:TypeQuantizers",
    "unite-transposes": "unite_transposes:UniteTransposes",
}


@cache
def outside_passes() -> dict[str, type[Pass]]:
    """Passes of other packages, by name.

    Raises:
        OptionError: a name is taken twice, or an entry point is not a Pass of that name.
    """
    found: dict[str, type[Pass]] = {}
    for entry in entry_points(group="graphopt.passes"):
        if entry.name in PASSES or entry.name in found:
            raise OptionError(
                f"entry point {entry.value}", f"the pass name {entry.name!r} is taken"
            )
        cls = entry.load()
        if not (isinstance(cls, type) and issubclass(cls, Pass) and cls.name == entry.name):
            raise OptionError(
                f"entry point {entry.value}", f"expected a Pass named {entry.name!r}, found {cls!r}"
            )
        found[entry.name] = cls
    return found


def pass_class(name: str) -> type[Pass]:
    """The class of a pass.

    Raises:
        OptionError: no pass has this name.
    """
    if name in PASSES:
        module, cls = PASSES[name].split(":")
        loaded: type[Pass] = getattr(import_module(f"{__name__}.{module}"), cls)
        return loaded
    if name in outside_passes():
        return outside_passes()[name]
    raise OptionError(
        name, "no pass has this name", "`graphopt passes` lists them: " + ", ".join(sorted(PASSES))
    )


def load_pass(name: str) -> Pass:
    """A pass with its default options."""
    return pass_class(name)()
