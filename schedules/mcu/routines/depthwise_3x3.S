@ int32_t graphopt_depthwise_3x3(const struct graphopt_depthwise *layer, void *out,
@     const int8_t *w, int32_t rows);
@
@ Meaning: depthwise_3x3.c. Two neighbouring outputs are done at once: 26 instructions for 18
@ products (1.44 each), rescaled and stored. Of each row of taps, r6 r7 r8 hold (w0, w1), r9 r10 r11
@ (w1, w2); x goes through r0 r1 r2.
@
@ In the loops: x r3, sums r4 r5, out r12, column step lr.

.include "depthwise_layer.inc"

    .equ MULTIPLIER, 0
    .equ END, 8
    .equ BIAS, 12
    .equ X, 20
    .equ X_STEP, 28
    .equ COLUMNS, 36
    .equ ROWS, 40
    .equ FRAME, 44

    .macro taps first, second
    sxtb16 \second, r4, ror #8
    sxtb16 r5, r4
    pkhbt \first, r5, \second, lsl #16
    pkhtb \second, r5, \second
    .endm

    .macro two
    ldm r3, {r0-r2}
    ldrd r4, r5, [sp, #BIAS]
    smlad r4, r0, r6, r4
    smlatb r5, r0, r6, r5
    smlad r4, r1, r7, r4
    smlatb r5, r1, r7, r5
    smlad r4, r2, r8, r4
    smlatb r5, r2, r8, r5
    adds r3, #32
    ldm r3, {r0-r2}
    smlabt r4, r0, r9, r4
    smlad r5, r0, r9, r5
    smlabt r4, r1, r10, r4
    smlad r5, r1, r10, r5
    smlabt r4, r2, r11, r4
    smlad r5, r2, r11, r5
    ldm sp, {r0-r2}
    .endm

    .syntax unified
    .section .text.graphopt_depthwise_3x3, "ax", %progbits
    .global graphopt_depthwise_3x3
    .type graphopt_depthwise_3x3, %function
    .thumb_func
graphopt_depthwise_3x3:
    push {r4-r11, lr}
    ldr lr, [r0, #LAYER_OUT_COLUMN_STEP]
    add r12, r0, #LAYER_BYTES
    ldm r0, {r0, r4-r8}
    push {r3}
    push {r8}
    push {r6, r7}
    push {r1}
    push {r12}
    push {r0}
    push {r0}
    sub sp, #12
    strd r4, r5, [sp, #MULTIPLIER]
    ldr r4, [r2]
    taps r6, r9
    ldr r4, [r2, #3]
    taps r7, r10
    ldrh r4, [r2, #6]
    ldrb r5, [r2, #8]
    orr r4, r4, r5, lsl #16
    taps r8, r11
.Lrow:
    ldrd r3, r12, [sp, #X]
    ldrd r0, r1, [sp, #X_STEP]
    add r0, r3
    add r1, r12
    strd r0, r1, [sp, #X]
    ldr r0, [sp, #MULTIPLIER]
    ldr r1, [sp, #COLUMNS]
    lsrs r1, r1, #1
    beq .Lrest
    add r2, r3, r1, lsl #5
    str r2, [sp, #END]
    cbz r0, .Ltotals
.Lpair:
    two
    smmlar r4, r4, r0, r1
    smmlar r5, r5, r0, r1
    ssat r4, #8, r4
    ssat r5, #8, r5
    strb r4, [r12]
    strb r5, [r12, lr]
    add r12, r12, lr, lsl #1
    cmp r3, r2
    bne .Lpair
    b .Lrest
.Ltotals:
    two
    str r4, [r12]
    str r5, [r12, lr]
    add r12, r12, lr, lsl #1
    cmp r3, r2
    bne .Ltotals
.Lrest:
    ldr r0, [sp, #COLUMNS]
    lsls r0, r0, #31
    beq .Lnext
    ldm r3, {r0-r2}
    ldr r4, [sp, #BIAS]
    smlad r4, r0, r6, r4
    smlad r4, r1, r7, r4
    smlad r4, r2, r8, r4
    adds r3, #32
    ldm r3, {r0-r2}
    smlabt r4, r0, r9, r4
    smlabt r4, r1, r10, r4
    smlabt r4, r2, r11, r4
    ldrd r0, r1, [sp, #MULTIPLIER]
    cbz r0, .Ltotal
    smmlar r4, r4, r0, r1
    ssat r4, #8, r4
    strb r4, [r12]
    b .Lnext
.Ltotal:
    str r4, [r12]
.Lnext:
    ldr r0, [sp, #ROWS]
    subs r0, #1
    str r0, [sp, #ROWS]
    bne .Lrow
    add sp, #FRAME
    pop {r4-r11, pc}
