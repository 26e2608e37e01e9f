"""What `jmxbridge doctor` looks at: this machine, and the servers of a file as seen from it.

Rule: an examination returns what it found and never raises for what it looks at. Facts of the
machine are arguments wherever a test could not bring them about.
"""
