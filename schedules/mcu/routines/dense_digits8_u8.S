@ Products of one vector of u8 with output channels, weights of 8 bits. dense_digits8_u8.c says what it
@ computes. 16 instructions for 16 products.
.syntax unified
.thumb
.text
.set SIGNED, 0
.global graphopt_dense_digits8_u8
.type graphopt_dense_digits8_u8, %function
.thumb_func
graphopt_dense_digits8_u8:
.include "dense_digits8.inc"
