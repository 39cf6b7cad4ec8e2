"""What was decided and why: the report of a compilation, as data, as text and as a page."""

from graphopt.report.data import Buffer, Island, Kernel, PassRun, Report

__all__ = ["Buffer", "Island", "Kernel", "PassRun", "Report"]
