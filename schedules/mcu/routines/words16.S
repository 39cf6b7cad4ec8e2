@ Products of 3 pixels with pairs of output channels, weights of 16 bits. words16.c says what it
@ computes and how its operands lie in memory.
@
@ 16 instructions for 24 products (0.67 each).
@
@ r2 r3 are a word of weights of each channel, r4 r6 r8 the lower and r5 r7 r9 the upper channel of
@ the 3 pixels, r10-r12 a word of activations of each pixel.
.syntax unified
.thumb
.text
.set GROUP_BYTES, 64

.macro start
    ldrd r2, r3, [r3, #4]
    mov r4, r2
    mov r6, r2
    mov r8, r2
    mov r5, r3
    mov r7, r3
    mov r9, r3
.endm

.macro word
    ldrd r2, r3, [r1], #8
    ldm r0!, {r10, r11, r12}
    smlad r4, r10, r2, r4
    smlad r6, r11, r2, r6
    smlad r8, r12, r2, r8
    smlad r5, r10, r3, r5
    smlad r7, r11, r3, r7
    smlad r9, r12, r3, r9
.endm

.macro group
    word
    word
.endm

.macro finish
    ldm sp, {r0, r2, r3, r10, r11}
    add r3, r3, #8
    ldr pc, [sp, #ENDING]
.endm

@ Sums of 32 bits wrap as the interpreter's do: there is only one chunk.
.macro chunk
.endm

.global graphopt_words16
.type graphopt_words16, %function
.thumb_func
graphopt_words16:
.include "blocks3.inc"
