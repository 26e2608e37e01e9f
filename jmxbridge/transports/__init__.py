"""Ways of reading a JVM: RMI, Jolokia, jmxquery."""
