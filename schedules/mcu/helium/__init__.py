"""Kernels for Helium, the vectors of 16 bytes of Cortex-M55 and its like (Armv8.1-M MVE).

The inner loops are routines in assembly, the loops around them TIR. TVM's C generator has no
vectors, so the form "source" gets the kernels of the scalar core.
"""
