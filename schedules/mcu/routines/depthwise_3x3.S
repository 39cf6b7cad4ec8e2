@ int32_t graphopt_depthwise_3x3(const struct graphopt_depthwise *layer, void *out,
@     const void *w, const int32_t *x);
@
@ Meaning: depthwise_3x3.c. Two neighbouring outputs, rescaled and stored, take 26 instructions
@ for 18 products (1.44 each).

.include "depthwise_layer.inc"
.include "depthwise_3x3.inc"

    .macro two
    ldm r3, {r0-r2}
    ldrd r4, r5, [sp, #BIAS]
    smlad r4, r0, r6, r4
    smlatb r5, r0, r6, r5
    smlad r4, r1, r7, r4
    smlatb r5, r1, r7, r5
    smlad r4, r2, r8, r4
    smlatb r5, r2, r8, r5
    adds r3, #64
    ldm r3, {r0-r2}
    smlabt r4, r0, r9, r4
    smlad r5, r0, r9, r5
    smlabt r4, r1, r10, r4
    smlad r5, r1, r10, r5
    smlabt r4, r2, r11, r4
    smlad r5, r2, r11, r5
    ldm sp, {r0-r2}
    .endm

    multiply graphopt_depthwise_3x3, 6
