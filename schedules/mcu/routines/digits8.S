@ Products of 3 pixels with pairs of output channels, weights of 8 bits. digits8.c says what it
@ computes and how its operands lie in memory.
@
@ A word of weights holds 2 taps of 2 channels: each half is 256 * w1 + (w0 + 128). The loop sums
@   low  += x * (w0 + 128)     the word's bytes 0 and 2, by uxtb16
@   both += x * half           the word itself
@ so that the channels are low - 128 * sum(x) and (both - low) / 256, the latter exact as long as
@ it stays within 24 bits: longer products are cut into chunks.
@
@ In the loop 17 instructions make 24 products (0.71 each). Besides that a pair of channels costs
@ 46 for 6 results.
@
@ r0 activations, r1 weights, r2 r3 a word of weights each, r4 r6 r8 low and r5 r7 r9 both of the
@ 3 pixels, r10-r12 a word of activations of each pixel, lr where the activations of this chunk end.
.syntax unified
.thumb
.text

.set OUT, 0
.set BIAS, 16
.set BIAS_END, 24
.set BLOCK, 28
.set CHUNK_END, 32
.set ENTRY, 36
.set AFTER, 40
.set ENDING, 44
.set TOTALS, 48
.set LEFT, 60
.set CHUNK_BYTES, 64
.set CHUNKS, 68
.set FRAME, 72
.set SAVED, 36
.set GROUPS_UNROLLED, 8
.set GROUP_BYTES, 68

.macro group
    ldrd r2, r3, [r1], #8
    ldm r0!, {r10, r11, r12}
    smlad r5, r10, r2, r5
    smlad r7, r11, r2, r7
    smlad r9, r12, r2, r9
    uxtb16 r2, r2
    smlad r4, r10, r2, r4
    smlad r6, r11, r2, r6
    smlad r8, r12, r2, r8
    ldm r0!, {r10, r11, r12}
    smlad r5, r10, r3, r5
    smlad r7, r11, r3, r7
    smlad r9, r12, r3, r9
    uxtb16 r3, r3
    smlad r4, r10, r3, r4
    smlad r6, r11, r3, r6
    smlad r8, r12, r3, r8
.endm

.global graphopt_digits8
.type graphopt_digits8, %function
.thumb_func
graphopt_digits8:
    push {r4-r11, lr}
    sub sp, sp, #FRAME
    add r12, sp, #FRAME + SAVED
    ldm r12, {r4-r11}
    @ The bias pointer stays one word behind, at the upper channel of the last pair.
    sub r8, r8, #4
    add r10, r8, r10, lsl #2
    stm sp, {r4-r10}
    @ The first chunk has 1 to `chunk` groups, the others have `chunk`.
    sub r4, r2, #1
    udiv r4, r4, r3
    mls r5, r4, r3, r2
    add r6, r5, r5, lsl #1
    add r6, r0, r6, lsl #3
    add r6, r6, #12
    strd r0, r6, [sp, #BLOCK]
    add r3, r3, r3, lsl #1
    lsl r3, r3, #3
    movs r6, #0
    movs r7, #0
    movs r8, #0
    add r12, sp, #TOTALS
    stm r12, {r6, r7, r8}
    strd r4, r3, [sp, #LEFT]
    str r4, [sp, #CHUNKS]
    @ The loop is entered where as many groups are left of it as make the chunk whole.
    rsb r5, r5, #0
    and r5, r5, #GROUPS_UNROLLED - 1
    movs r7, #GROUP_BYTES
    adr r6, .Lloop
    mla r5, r5, r7, r6
    orr r5, r5, #1
    adr r6, .Lfinish
    cmp r4, #0
    it ne
    adrne r6, .Lchunk
    orr r6, r6, #1
    strd r5, r6, [sp, #ENTRY]
    adr r6, .Lstore_i8
    cmp r11, #1
    it eq
    adreq r6, .Lstore_u8
    it hi
    adrhi r6, .Lstore_i32
    orr r6, r6, #1
    str r6, [sp, #ENDING]
    ldr r11, [sp, #BIAS]

.Lpair:
    ldr r2, [r11, #4]
    ldrd r0, lr, [sp, #BLOCK]
    ldm r0!, {r4, r6, r8}
    sub r4, r2, r4, lsl #7
    sub r6, r2, r6, lsl #7
    sub r8, r2, r8, lsl #7
    mov r5, r4
    mov r7, r6
    mov r9, r8
    ldr pc, [sp, #ENTRY]

.balign 4
.Lloop:
    .rept GROUPS_UNROLLED
    group
    .endr
    cmp r0, lr
    bne .Lloop
    ldr pc, [sp, #AFTER]

.balign 4
.Lchunk:
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
    movs r10, #0
    ldr r11, [sp, #CHUNKS]
    stm lr, {r2, r3, r10, r11}
    ldm sp, {r0, r2, r3, r10, r11, r12}
    ldr lr, [r11, #8]!
    add r5, r5, lr
    add r7, r7, lr
    add r9, r9, lr
    ldr pc, [sp, #ENDING]

.balign 4
.Lfinish:
    sub r5, r5, r4
    sub r7, r7, r6
    sub r9, r9, r8
    @ out, stride, offset, multipliers, bias, step
    ldm sp, {r0, r2, r3, r10, r11, r12}
    ldr lr, [r11, #8]!
    add r5, lr, r5, asr #8
    add r7, lr, r7, asr #8
    add r9, lr, r9, asr #8
    ldr pc, [sp, #ENDING]

.macro finish_channel saturate, p0, p1, p2
    ldr lr, [r10]
    add r10, r10, r12
    smmlar \p0, \p0, lr, r3
    smmlar \p1, \p1, lr, r3
    smmlar \p2, \p2, lr, r3
    \saturate \p0, #8, \p0
    \saturate \p1, #8, \p1
    \saturate \p2, #8, \p2
    strb \p2, [r0, r2, lsl #1]
    strb \p1, [r0, r2]
    strb \p0, [r0], #1
.endm

.macro next_pair
    stm sp, {r0, r2, r3, r10, r11}
    ldr lr, [sp, #BIAS_END]
    cmp r11, lr
    bne .Lpair
    b .Lend
.endm

.balign 4
.Lstore_i8:
    finish_channel ssat, r4, r6, r8
    finish_channel ssat, r5, r7, r9
    next_pair

.balign 4
.Lstore_u8:
    finish_channel usat, r4, r6, r8
    finish_channel usat, r5, r7, r9
    next_pair

.balign 4
.Lstore_i32:
    stm r0!, {r4, r6, r8}
    stm r0!, {r5, r7, r9}
    next_pair

.Lend:
    add sp, sp, #FRAME
    movs r0, #0
    pop {r4-r11, pc}
