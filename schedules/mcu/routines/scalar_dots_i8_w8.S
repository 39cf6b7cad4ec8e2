@ Activations of type i8, weights of 8 bits. scalar_dots_i8_w8.c is the definition.
.include "scalar_dots_bytes.inc"

    begin graphopt_scalar_dots_i8_w8, 0
    steps 8, ldrsb, 1
    end graphopt_scalar_dots_i8_w8
