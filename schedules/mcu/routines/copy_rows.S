@ Copies rows of bytes that lie apart to one place after the other. copy_rows.c defines it.
@
@ Words are copied from the end of a row backwards, the last one over what the one before it has
@ copied already: 4 instructions for 4 bytes and 7 for each row. Rows of less than 4 bytes take 4
@ for each byte.
@
@ r0 source, r1 destination, r2 distance of rows in the source, r3 bytes of a row, r4 rows left,
@ r5 what is left of a row, r12 bytes on their way.
.syntax unified
.thumb
.text
.global graphopt_copy_rows
.type graphopt_copy_rows, %function
.thumb_func
graphopt_copy_rows:
    push {r4, r5}
    ldr r4, [sp, #8]
    cmp r3, #4
    blo 3f
1:
    subs r5, r3, #4
2:
    ldr r12, [r0, r5]
    str r12, [r1, r5]
    subs r5, r5, #4
    bgt 2b
    ldr r12, [r0]
    str r12, [r1]
    add r0, r0, r2
    add r1, r1, r3
    subs r4, r4, #1
    bne 1b
    b 5f
3:
    subs r5, r3, #1
4:
    ldrb r12, [r0, r5]
    strb r12, [r1, r5]
    subs r5, r5, #1
    bpl 4b
    add r0, r0, r2
    add r1, r1, r3
    subs r4, r4, #1
    bne 3b
5:
    movs r0, #0
    pop {r4, r5}
    bx lr
