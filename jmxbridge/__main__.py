"""`python -m jmxbridge` is the console script."""

from jmxbridge.cli import main

main()
