@ int32_t graphopt_depthwise_7_stride2(const struct graphopt_depthwise *layer, void *out,
@     const void *w, const int32_t *x);
@
@ Meaning: depthwise_7_stride2.c. A row of 7 taps takes 27 instructions for 4 outputs (0.96 a product).

.include "depthwise_layer.inc"
.include "depthwise_rows.inc"

    .macro taps
    ldr r4, [r2]
    ldr r5, [r2, #3]
    adds r2, #7
    sxtb16 r6, r4
    sxtb16 r7, r4, ror #8
    sxtb16 r8, r5
    sxtb16 r9, r5, ror #8
    pkhbt r4, r6, r7, lsl #16
    pkhtb r5, r7, r6, asr #16
    strd r4, r5, [r1], #8
    pkhtb r4, r8, r9
    pkhtb r5, r6, r7
    strd r4, r5, [r1], #8
    pkhbt r4, r8, r9, lsl #16
    pkhtb r5, r9, r8, asr #16
    strd r4, r5, [r1], #8
    .endm

    .macro wide_taps
    ldr r4, [r2, #0]
    ldr r5, [r2, #4]
    strd r4, r5, [r1], #8
    ldr r4, [r2, #8]
    ldr r5, [r2, #2]
    strd r4, r5, [r1], #8
    ldr r4, [r2, #6]
    ldr r5, [r2, #10]
    strd r4, r5, [r1], #8
    adds r2, #14
    .endm

    .macro four
    ldm r1!, {r4-r9}
    ldr r2, [r0], #4
    smlad r10, r2, r4, r10
    ldr r3, [r0, #124]
    smlad r10, r3, r5, r10
    smlad r11, r3, r4, r11
    ldr r2, [r0, #252]
    smlad r10, r2, r6, r10
    smlad r11, r2, r5, r11
    smlad r12, r2, r4, r12
    ldr r3, [r0, #380]
    smlabt r10, r3, r9, r10
    smlad r11, r3, r6, r11
    smlad r12, r3, r5, r12
    smlad lr, r3, r4, lr
    ldr r2, [r0, #508]
    smlabt r11, r2, r9, r11
    smlad r12, r2, r6, r12
    smlad lr, r2, r5, lr
    ldr r3, [r0, #636]
    smlabt r12, r3, r9, r12
    smlad lr, r3, r6, lr
    ldr r2, [r0, #764]
    smlabt lr, r2, r9, lr
    .endm

    .macro two
    ldm r1!, {r4-r9}
    ldr r2, [r0], #4
    smlad r10, r2, r4, r10
    ldr r3, [r0, #124]
    smlad r10, r3, r5, r10
    smlad r11, r3, r4, r11
    ldr r2, [r0, #252]
    smlad r10, r2, r6, r10
    smlad r11, r2, r5, r11
    ldr r3, [r0, #380]
    smlabt r10, r3, r9, r10
    smlad r11, r3, r6, r11
    ldr r2, [r0, #508]
    smlabt r11, r2, r9, r11
    .endm

    multiply graphopt_depthwise_7_stride2, 512
