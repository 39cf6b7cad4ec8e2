"""Patched regions as steps of a program: kernels of tiles, an inner arena, loops over rows."""
