"""One JVM each: connect, discover, read on the interval's grid."""
