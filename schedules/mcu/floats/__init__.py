"""Convolutions and products of f32, for cores with and without a unit for floats."""
