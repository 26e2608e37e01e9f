"""Examinations of `jmxbridge doctor`: this machine, and the servers of a file as seen from it.

Rule: an examination returns findings and never raises for the thing it examines. Facts of the
machine that a test could not produce are arguments.
"""
