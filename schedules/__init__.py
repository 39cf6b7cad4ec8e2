"""HOW a kernel runs: TVM schedules, by family of target."""
