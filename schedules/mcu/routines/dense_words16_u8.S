@ Products of one vector of u8 with output channels, weights of 16 bits. dense_words16_u8.c says what it
@ computes. 13 instructions for 16 products (0.81 each).
.syntax unified
.thumb
.text
.set SIGNED, 0
.global graphopt_dense_words16_u8
.type graphopt_dense_words16_u8, %function
.thumb_func
graphopt_dense_words16_u8:
.include "dense_words16.inc"
