"""Tensor expressions: every canonical operator as a function of an index, region by region."""
