"""Errors of the Kafka client.

    KafkaError
      KafkaUnavailable        no broker of the cluster answered
      BrokerFailed            one broker did not answer; it is left out for the rest of the poll
        ConnectFailed         no connection: refused, no route, name not known, deadline
          TlsFailed           the TLS handshake failed, or our TLS files cannot be used
          LoginFailed         the broker refused our login, or we have no credentials
        ConnectionLost        an open connection ended before the answer
        DeadlineExceeded      the broker did not answer a request in time
        NotKafka              the peer does not speak Kafka's protocol
        NotBroker             the peer is a controller of the cluster, not a broker
      RequestFailed           one request failed; the connection stays open
        VersionMismatch       the broker has no version of this request that we speak
        ReplyUnreadable       the reply does not follow its schema, or has an unknown error code

Every message names its broker.
"""


class KafkaError(Exception):
    """Root of all errors of the Kafka client."""


class KafkaUnavailable(KafkaError):
    """No broker of the cluster answered."""


class BrokerFailed(KafkaError):
    """One broker did not answer."""


class ConnectFailed(BrokerFailed):
    """No connection could be made."""


class TlsFailed(ConnectFailed):
    """The TLS handshake failed, or our TLS files cannot be used."""


class LoginFailed(ConnectFailed):
    """The broker refused our login, or there were no credentials to present."""


class ConnectionLost(BrokerFailed):
    """The connection ended before the answer came."""


class DeadlineExceeded(BrokerFailed):
    """The answer did not come in time."""


class NotKafka(BrokerFailed):
    """The peer does not speak Kafka's protocol, or not in plaintext."""


class NotBroker(BrokerFailed):
    """The peer is a KRaft controller."""


class RequestFailed(KafkaError):
    """One request failed; others on the same connection go on."""


class VersionMismatch(RequestFailed):
    """The broker has no version of the request that we speak."""


class ReplyUnreadable(RequestFailed):
    """The reply does not follow the schema of its version."""
