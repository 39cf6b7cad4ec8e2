"""Patched regions as sequences of events: what runs when, in which buffers."""
