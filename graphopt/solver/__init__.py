"""The integer programs: data in, decision out."""
