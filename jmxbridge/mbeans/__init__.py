"""Rules of a file: the attributes to read from MBeans, and the points made of them. No I/O."""
