"""Bits of activations patch by patch, by the values in them."""
