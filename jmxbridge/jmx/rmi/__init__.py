"""RMI without I/O: JRMP frames, remote calls, reply templates."""
