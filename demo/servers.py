"""All servers in one import; each has its own file."""

from demo.cache import (
    JOLOKIA_VERSIONS,
    KAFKA_39,
    cache_dir,
    influxd,
    java_classes,
    jolokia_agent,
    kafka_libs,
)
from demo.client import Client
from demo.influx import Influx
from demo.jvm import Jvm, jmx_options, jolokia_option
from demo.kafka import Kafka
from demo.pair import Pair
from demo.process import Process, ServerError, accepts, end_with_parent, free_port
from demo.zookeeper import ZooKeeper, ZooKeeperKafka

__all__ = [
    "JOLOKIA_VERSIONS",
    "KAFKA_39",
    "Client",
    "Influx",
    "Jvm",
    "Kafka",
    "Pair",
    "Process",
    "ServerError",
    "ZooKeeper",
    "ZooKeeperKafka",
    "accepts",
    "cache_dir",
    "end_with_parent",
    "free_port",
    "influxd",
    "java_classes",
    "jmx_options",
    "jolokia_agent",
    "jolokia_option",
    "kafka_libs",
]
