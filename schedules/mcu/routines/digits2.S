@ Products of 2 pixels with units of 4 output channels, weights of 2 bits. digits2.c says what it
@ computes and how its operands lie in memory.
@
@ A byte of weights holds a tap of 4 channels, w + 2 in 2 bits each. The loop sums the lowest digit,
@ the lowest two, three, and all; their differences are the channels.
@
@ 28 instructions for 32 products (0.88 each).
.syntax unified
.thumb
.text
.set GROUP_BYTES, 112
.set SUM_SHIFT, 1

.macro word
    ldm r0!, {r3, r12}
    smlad r7, r3, r2, r7
    smlad r11, r12, r2, r11
    and r2, r2, #0x003F003F
    smlad r6, r3, r2, r6
    smlad r10, r12, r2, r10
    and r2, r2, #0x000F000F
    smlad r5, r3, r2, r5
    smlad r9, r12, r2, r9
    and r2, r2, #0x00030003
    smlad r4, r3, r2, r4
    smlad r8, r12, r2, r8
.endm

.macro group
    ldr.w r2, [r1]
    uxtb16 r2, r2
    word
    ldr r2, [r1], #4
    uxtb16 r2, r2, ror #8
    word
.endm

.macro chunk
.endm

.macro finish
    finish_channel 4, 2, 1, r5, r9
    finish_channel 8, 4, 1, r6, r10
    finish_channel 12, 6, 1, r7, r11
.endm

.global graphopt_digits2
.type graphopt_digits2, %function
.thumb_func
graphopt_digits2:
.include "blocks2.inc"
