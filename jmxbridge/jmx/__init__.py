"""JMX over RMI in pure Python: a library of its own, standard library only."""
