"""The model that `graphopt demo` compiles: a residual network that reads handwritten digits."""
