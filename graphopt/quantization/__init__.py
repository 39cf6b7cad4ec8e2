"""Post-training quantization: from samples to ranges, formats and rounding."""
