@ Products of 2 pixels with units of 4 output channels, weights of 4 bits. digits4.c says what it
@ computes and how its operands lie in memory.
@
@ A word of weights holds 2 taps of 4 channels: each half is
@ 4096 * w3 + 256 * (w2 + 8) + 16 * (w1 + 8) + (w0 + 8). The loop sums the lowest digit, the lowest
@ two, three, and all; their differences are the channels, exact as long as the highest stays
@ within 20 bits: longer products are cut into chunks.
@
@ 26 instructions for 32 products (0.81 each).
.syntax unified
.thumb
.text
.set GROUP_BYTES, 104
.set SUM_SHIFT, 3

.macro word
    ldr r2, [r1], #4
    ldm r0!, {r3, r12}
    smlad r7, r3, r2, r7
    smlad r11, r12, r2, r11
    bic r2, r2, #0xF000F000
    smlad r6, r3, r2, r6
    smlad r10, r12, r2, r10
    uxtb16 r2, r2
    smlad r5, r3, r2, r5
    smlad r9, r12, r2, r9
    and r2, r2, #0x000F000F
    smlad r4, r3, r2, r4
    smlad r8, r12, r2, r8
.endm

.macro group
    word
    word
.endm

.macro chunk
    ldrd r2, r3, [sp, #TOTALS]
    sub r7, r7, r6
    sub r11, r11, r10
    add r2, r2, r7, asr #12
    add r3, r3, r11, asr #12
    strd r2, r3, [sp, #TOTALS]
    mov r7, r6
    mov r11, r10
.endm

.macro finish
    finish_channel 4, 4, 1, r5, r9
    finish_channel 8, 8, 1, r6, r10
    finish_channel 12, 12, 0, r7, r11
    ldrd r0, r2, [sp, #TOTALS]
    add r7, r7, r0
    add r11, r11, r2
.endm

.global graphopt_digits4
.type graphopt_digits4, %function
.thumb_func
graphopt_digits4:
.include "blocks2.inc"
