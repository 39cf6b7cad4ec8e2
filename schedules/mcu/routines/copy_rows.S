@ Copies rows of bytes that lie apart to one place after the other, for several pixels.
@ copy_rows.c defines it.
@
@ Words are copied from the end of a row backwards, the last one over what the one before it has
@ copied already: 4 instructions for 4 bytes, 7 for each row and 9 for each pixel. Rows of less
@ than 4 bytes take 4 for each byte.
@
@ r0 source, r1 destination, r2 distance of rows in the source, r3 bytes of a row, r4 rows left,
@ r5 what is left of a row, r6 rows, r7 pixels left, r8 r9 distance of pixels in source and
@ destination, r10 lr where this row is read and written, r12 bytes on their way.
.syntax unified
.thumb
.text
.global graphopt_copy_rows
.type graphopt_copy_rows, %function
.thumb_func
graphopt_copy_rows:
    push {r4-r10, lr}
    add r12, sp, #32
    ldm r12, {r6-r9}
.Lpixel:
    mov r4, r6
    mov r10, r0
    mov lr, r1
    cmp r3, #4
    blo .Lshort
.Lrow:
    subs r5, r3, #4
1:
    ldr r12, [r10, r5]
    str r12, [lr, r5]
    subs r5, r5, #4
    bgt 1b
    ldr r12, [r10]
    str r12, [lr]
    add r10, r10, r2
    add lr, lr, r3
    subs r4, r4, #1
    bne .Lrow
.Lnext:
    add r0, r0, r8
    add r1, r1, r9
    subs r7, r7, #1
    bne .Lpixel
    movs r0, #0
    pop {r4-r10, pc}
.Lshort:
    subs r5, r3, #1
2:
    ldrb r12, [r10, r5]
    strb r12, [lr, r5]
    subs r5, r5, #1
    bpl 2b
    add r10, r10, r2
    add lr, lr, r3
    subs r4, r4, #1
    bne .Lshort
    b .Lnext
