"""What can be known of a graph: live ranges, axes, cost. Plain functions."""
