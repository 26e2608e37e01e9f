"""The one place to import the servers from; each noun has a file of its own."""

from demo.cache import cache_dir, influxd, java_classes, kafka_libs
from demo.client import Client
from demo.influx import Influx
from demo.jvm import Jvm, jmx_options
from demo.kafka import Kafka
from demo.process import Process, ServerError, accepts, end_with_parent, free_port

__all__ = [
    "Client",
    "Influx",
    "Jvm",
    "Kafka",
    "Process",
    "ServerError",
    "accepts",
    "cache_dir",
    "end_with_parent",
    "free_port",
    "influxd",
    "java_classes",
    "jmx_options",
    "kafka_libs",
]
