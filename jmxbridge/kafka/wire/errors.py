"""What can go wrong between us and a cluster.

    KafkaError
      KafkaUnavailable        no broker of the cluster answered
      BrokerFailed            one broker did not answer; it is out for the rest of the poll
        ConnectFailed         no connection: refused, no route, name not known, deadline
          TlsFailed           it was met, and TLS with it failed, or has files of no use
          LoginFailed         it was met, and did not let us in
        ConnectionLost        it was there and went
        DeadlineExceeded      it took a request and did not answer in time
        NotKafka              what answers there does not speak Kafka's protocol
      RequestFailed           one request failed; the connection lives
        VersionMismatch       the broker has no version of this request that we have
        ReplyUnreadable       the reply does not follow its schema, or has an unknown error code

Every message names the broker it is about.
"""


class KafkaError(Exception):
    """Root of everything this room raises."""


class KafkaUnavailable(KafkaError):
    """No broker of the cluster answered."""


class BrokerFailed(KafkaError):
    """One broker did not answer."""


class ConnectFailed(BrokerFailed):
    """No connection could be made."""


class TlsFailed(ConnectFailed):
    """TLS with the broker failed, or cannot be tried with the files there are."""


class LoginFailed(ConnectFailed):
    """The broker did not let us in, or there was nothing to show it."""


class ConnectionLost(BrokerFailed):
    """The connection ended before the answer came."""


class DeadlineExceeded(BrokerFailed):
    """The answer did not come in time."""


class NotKafka(BrokerFailed):
    """The peer does not speak Kafka's protocol, or not in plaintext."""


class RequestFailed(KafkaError):
    """One request failed; others on the same connection go on."""


class VersionMismatch(RequestFailed):
    """The broker has no version of the request that we have."""


class ReplyUnreadable(RequestFailed):
    """The reply does not follow the schema it was asked for in."""
