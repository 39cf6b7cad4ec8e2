@ Products of 3 pixels with pairs of output channels, weights of 8 bits. digits8.c says what it
@ computes and how its operands lie in memory.
@
@ A word of weights holds 2 taps of 2 channels: each half is 256 * w1 + (w0 + 128). The loop sums
@   low  += x * (w0 + 128)     the word's bytes 0 and 2, by uxtb16
@   both += x * half           the word itself
@ so that the channels are low - 128 * sum(x) and (both - low) / 256, the latter exact as long as
@ it stays within 24 bits: longer products are cut into chunks.
@
@ 17 instructions for 24 products (0.71 each).
@
@ r2 r3 are words of weights, r4 r6 r8 low and r5 r7 r9 both of the 3 pixels, r10-r12 a word of
@ activations of each pixel.
.syntax unified
.thumb
.text
.set GROUP_BYTES, 68

.macro start
    ldr r2, [r3, #4]
    sub r4, r2, r4, lsl #7
    sub r6, r2, r6, lsl #7
    sub r8, r2, r8, lsl #7
    mov r5, r4
    mov r7, r6
    mov r9, r8
.endm

.macro word weights
    ldm r0!, {r10, r11, r12}
    smlad r5, r10, \weights, r5
    smlad r7, r11, \weights, r7
    smlad r9, r12, \weights, r9
    uxtb16 \weights, \weights
    smlad r4, r10, \weights, r4
    smlad r6, r11, \weights, r6
    smlad r8, r12, \weights, r8
.endm

.macro group
    ldrd r2, r3, [r1], #8
    word r2
    word r3
.endm

.macro finish
    sub r5, r5, r4
    sub r7, r7, r6
    sub r9, r9, r8
    ldm sp, {r0, r2, r3, r10, r11}
    ldr lr, [r3, #8]!
    add r5, lr, r5, asr #8
    add r7, lr, r7, asr #8
    add r9, lr, r9, asr #8
    ldr pc, [sp, #ENDING]
.endm

@ Adds the upper channel's part to the totals and starts the next chunk, or ends the last.
.macro chunk
    sub r5, r5, r4
    sub r7, r7, r6
    sub r9, r9, r8
    add lr, sp, #TOTALS
    ldm lr, {r2, r3, r10, r11}
    add r2, r2, r5, asr #8
    add r3, r3, r7, asr #8
    add r10, r10, r9, asr #8
    subs r11, r11, #1
    bmi .Lchunks_done
    stm lr, {r2, r3, r10, r11}
    mov r5, r4
    mov r7, r6
    mov r9, r8
    ldr r2, [sp, #CHUNK_BYTES]
    add lr, r0, r2
    b .Lloop
.Lchunks_done:
    mov r5, r2
    mov r7, r3
    mov r9, r10
    movs r2, #0
    movs r3, #0
    mov r10, r2
    ldr r11, [sp, #CHUNKS]
    stm lr, {r2, r3, r10, r11}
    ldm sp, {r0, r2, r3, r10, r11}
    ldr lr, [r3, #8]!
    add r5, r5, lr
    add r7, r7, lr
    add r9, r9, lr
    ldr pc, [sp, #ENDING]
.endm

.global graphopt_digits8
.type graphopt_digits8, %function
.thumb_func
graphopt_digits8:
.include "blocks3.inc"
