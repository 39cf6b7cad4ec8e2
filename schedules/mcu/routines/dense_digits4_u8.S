@ Products of one vector of u8 with output channels, weights of 4 bits. dense_digits4_u8.c says what it
@ computes. 18 instructions for 16 products (1.13 each).
.syntax unified
.thumb
.text
.set SIGNED, 0
.global graphopt_dense_digits4_u8
.type graphopt_dense_digits4_u8, %function
.thumb_func
graphopt_dense_digits4_u8:
.include "dense_digits4.inc"
