@ Products of one vector of i8 with output channels, weights of 4 bits. dense_digits4_i8.c says what it
@ computes. 18 instructions for 16 products (1.13 each).
.syntax unified
.thumb
.text
.set SIGNED, 1
.global graphopt_dense_digits4_i8
.type graphopt_dense_digits4_i8, %function
.thumb_func
graphopt_dense_digits4_i8:
.include "dense_digits4.inc"
