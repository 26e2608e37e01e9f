"""The steps from a JMX port to the connection object, and the errors of each."""

import asyncio
from concurrent.futures import Future

import pytest

from jmxbridge.jmx.connection import connect
from jmxbridge.jmx.credentials import Credentials, Tls
from jmxbridge.jmx.errors import ConnectionFailed, RemoteProtocolError
from jmxbridge.jmx.net import lookup
from jmxbridge.jmx.net.dial import Dial
from jmxbridge.jmx.rmi.jrmp import Endpoint
from tests.jmx.scripted import (
    Captured,
    Domain,
    Serve,
    StubAt,
    Target,
    Visit,
    failure,
    silence,
)


async def test_one_socket_serves_a_target_at_one_address(target: Target, domain: Domain) -> None:
    """Registry, server and connection object share a socket, also if the host has another name."""

    async def script(visit: Visit) -> None:
        await visit.answer(domain("here"))
        await visit.gone()

    port = await target(script)
    async with await connect("localhost", port) as connection:
        assert await connection.get_default_domain() == "here"
        assert str(connection.asked) == f"localhost:{port}"
        assert str(connection.advertised) == f"127.0.0.1:{port}"
        assert connection.address == connection.asked
        assert connection.traffic.calls == 3


async def test_the_server_of_a_service_url_replaces_the_advertised_address(
    serve: Serve, stub_at: StubAt, domain: Domain, closed_port: int
) -> None:
    """The address of the server in the URL is used instead of the advertised one."""

    async def everything(visit: Visit) -> None:
        await visit.greet()
        await visit.answer(stub_at(closed_port))
        await visit.answer(stub_at(closed_port))
        await visit.answer(domain("here"))
        await visit.gone()

    port = await serve(everything)
    url = f"service:jmx:rmi://127.0.0.1:{port}/jndi/rmi://127.0.0.1:{port}/jmxrmi"
    async with connect(url) as connection:
        assert await connection.get_default_domain() == "here"


async def test_the_advertised_address_is_followed(
    serve: Serve, stub_at: StubAt, domain: Domain
) -> None:
    """A server on another port than the registry gets its own socket; the first one is closed."""
    registry_left = asyncio.Event()
    server_port = 0

    async def registry(visit: Visit) -> None:
        await visit.greet()
        await visit.answer(stub_at(server_port))
        await visit.gone()
        registry_left.set()

    async def server(visit: Visit) -> None:
        await visit.greet()
        await visit.answer(stub_at(server_port))
        await visit.answer(domain("there"))
        await visit.gone()

    server_port = await serve(server)
    port = await serve(registry)
    async with await connect("127.0.0.1", port) as connection:
        assert connection.address.port == server_port
        assert await connection.get_default_domain() == "there"
        await registry_left.wait()


async def test_the_connection_object_may_be_at_a_third_address(
    serve: Serve, stub_at: StubAt, domain: Domain
) -> None:
    """The address in the server's answer to newClient is followed like the registry's."""

    async def last(visit: Visit) -> None:
        await visit.greet()
        await visit.answer(domain("third"))
        await visit.gone()

    third = await serve(last)

    async def first(visit: Visit) -> None:
        await visit.greet()
        await visit.answer(stub_at(port))
        await visit.answer(stub_at(third))
        await visit.gone()

    port = 0
    port = await serve(first)
    async with await connect("127.0.0.1", port) as connection:
        assert connection.address.port == third
        assert await connection.get_default_domain() == "third"


async def test_an_unreachable_advertised_address_is_reported_with_both_addresses(
    serve: Serve, stub_at: StubAt, closed_port: int
) -> None:
    """The error names the address that was asked, the advertised one, the reason and the fix."""

    async def registry(visit: Visit) -> None:
        await visit.greet()
        await visit.answer(stub_at(closed_port))
        await visit.gone()

    port = await serve(registry)
    error = await failure("127.0.0.1", port)
    assert error.error_class == "unreachable_advertised"
    for words in (
        f"127.0.0.1:{port}",
        f"127.0.0.1:{closed_port}",
        "refused",
        "rmi_host",
        "rmi_port",
    ):
        assert words in str(error)


async def test_a_silent_advertised_address_is_reported_with_both_addresses(
    serve: Serve, stub_at: StubAt
) -> None:
    """An address that accepts connections and stays silent is reported like a closed one."""
    mute = await serve(silence)

    async def registry(visit: Visit) -> None:
        await visit.greet()
        await visit.answer(stub_at(mute))
        await visit.gone()

    port = await serve(registry)
    error = await failure("127.0.0.1", port, timeout_s=0.5)
    assert error.error_class == "unreachable_advertised"
    assert f"127.0.0.1:{port}" in str(error)
    assert f"127.0.0.1:{mute} did not answer" in str(error)


async def test_the_advertised_address_can_be_replaced(
    serve: Serve, stub_at: StubAt, closed_port: int, domain: Domain
) -> None:
    """`rmi_host` and `rmi_port` replace the advertised address, and errors say so."""

    async def everything(visit: Visit) -> None:
        await visit.greet()
        await visit.answer(stub_at(closed_port))
        await visit.answer(stub_at(closed_port))
        await visit.answer(domain("here"))
        await visit.gone()

    port = await serve(everything)
    async with await connect("127.0.0.1", port, rmi_port=port) as connection:
        assert await connection.get_default_domain() == "here"
        assert connection.advertised.port == closed_port
    error = await failure("127.0.0.1", port, rmi_host="127.0.0.2", rmi_port=closed_port)
    assert error.error_class == "unreachable_advertised"
    assert f"replaced by 127.0.0.2:{closed_port}" in str(error)
    assert "Correct rmi_host" in str(error)


async def test_a_registry_that_answers_no_call_times_out(serve: Serve) -> None:
    """The registry greeted, so the error does not ask whether the port is right."""

    async def registry(visit: Visit) -> None:
        await visit.greet()
        await visit.gone()

    error = await failure("127.0.0.1", await serve(registry), timeout_s=0.1)
    assert error.error_class == "timeout"
    assert "HTTP server" not in str(error)


@pytest.mark.parametrize(
    ("name", "word", "words"),
    [
        ("not_bound", "not_bound", "no 'jmxrmi' in it"),
        ("missing", "remote", "InstanceNotFoundException"),
        ("lookup_tls", "tls", "SslRMIClientSocketFactory"),
    ],
)
async def test_each_other_answer_of_a_registry_has_its_error(
    name: str, word: str, words: str, serve: Serve, captured: Captured
) -> None:
    """An exception or a stub for TLS in place of a plain stub is reported."""

    async def registry(visit: Visit) -> None:
        await visit.greet()
        await visit.answer(captured(name))
        await visit.gone()

    error = await failure("127.0.0.1", await serve(registry))
    assert error.error_class == word
    assert words in str(error)


@pytest.mark.parametrize(
    ("name", "word", "words"),
    [
        ("no_password", "access", "Credentials required"),
        ("no_such_object", "unreachable_advertised", "is another JVM than"),
        ("missing", "remote", "InstanceNotFoundException"),
    ],
)
async def test_each_other_answer_of_a_server_has_its_error(
    name: str, word: str, words: str, serve: Serve, stub_at: StubAt, captured: Captured
) -> None:
    """An exception in place of a connection object is reported."""

    async def script(visit: Visit) -> None:
        await visit.greet()
        await visit.answer(stub_at(port))
        await visit.answer(captured(name))
        await visit.gone()

    port = 0
    port = await serve(script)
    error = await failure("127.0.0.1", port)
    assert error.error_class == word
    assert words in str(error)


async def test_an_answer_that_is_no_stub_breaks_the_protocol(serve: Serve, domain: Domain) -> None:
    """A registry that answers with a string is a RemoteProtocolError."""

    async def registry(visit: Visit) -> None:
        await visit.greet()
        await visit.answer(domain("not a stub"))
        await visit.gone()

    with pytest.raises(RemoteProtocolError, match="expected a stub"):
        await connect("127.0.0.1", await serve(registry))


async def test_cancelling_closes_the_socket(serve: Serve) -> None:
    """An attempt that is cancelled closes its socket."""
    arrived, left = asyncio.Event(), asyncio.Event()

    async def script(visit: Visit) -> None:
        arrived.set()
        await visit.gone()
        left.set()

    task = asyncio.ensure_future(connect("127.0.0.1", await serve(script)))
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await left.wait()


async def test_a_password_in_the_answer_of_a_server_is_masked(
    serve: Serve, stub_at: StubAt, captured: Captured
) -> None:
    """A custom authenticator may repeat the password; the error does not."""
    message = b"Authentication failed! Credentials required"

    async def script(visit: Visit) -> None:
        await visit.greet()
        await visit.answer(stub_at(port))
        raw = captured("no_password")
        assert message in raw
        await visit.answer(raw.replace(message, b"no swordfish here".ljust(len(message))))
        await visit.gone()

    port = 0
    port = await serve(script)
    with pytest.raises(ConnectionFailed) as caught:
        await connect("127.0.0.1", port, credentials=Credentials("me", "swordfish"))
    assert caught.value.error_class == "access"
    assert "credentials of user 'me'" in str(caught.value)
    assert "no *** here" in str(caught.value)


async def test_a_plain_server_gets_no_password_if_tls_is_set(serve: Serve, stub_at: StubAt) -> None:
    """The attempt ends before credentials are sent."""

    async def script(visit: Visit) -> None:
        await visit.greet()
        await visit.answer(stub_at(port))
        await visit.gone()

    port = 0
    port = await serve(script)
    with pytest.raises(ConnectionFailed, match="is plain") as caught:
        await connect("127.0.0.1", port, tls=Tls(), credentials=Credentials("me", "swordfish"))
    assert caught.value.error_class == "tls"


async def test_a_timeout_is_not_blamed_on_the_lookup_for_another_port(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A running lookup of the same host for another port does not matter."""
    monkeypatch.setattr(lookup, "_pending", {("host-1", 2): Future()})
    dial = Dial(
        Endpoint("host-1", 1),
        rmi_host=None,
        rmi_port=None,
        credentials=None,
        tls=None,
        timeout_s=1.0,
    )
    assert dial.timed_out(1.0).error_class == "timeout"
    monkeypatch.setattr(lookup, "_pending", {("host-1", 1): Future()})
    assert dial.timed_out(1.0).error_class == "resolve"
