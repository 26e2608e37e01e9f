"""What a text in the file may be: one function a kind, text in, value out, or InvalidValue.

No function here quotes a secret: what `parse_secret` refuses, it does not repeat.
"""

import difflib
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from pydantic import SecretStr

from jmxbridge.config.text.problem import InvalidValue
from jmxbridge.config.values.address import parse_host, parse_port
from jmxbridge.jmx.object_name import MalformedObjectName, ObjectName
from jmxbridge.lag.output.renaming import NAMES as LAG_NAMES
from jmxbridge.mbeans.rule import KEY_IN_TEMPLATE

# InfluxDB refuses a series key (measurement, tags, field) of 64 KiB; one name is far below that.
MAX_TEXT = 1024

# Control characters, and halves of surrogate pairs: neither is text that anything could store.
_NOT_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_URL = re.compile(r"(?i)https?://(?P<netloc>[^/?#]*)")
_LOGIN_IN_URL = "no user and password in the URL: they have keys of their own"


def parse_text(text: str) -> str:
    """Refuse what is empty, too long, or holds control characters."""
    if not text:
        raise InvalidValue("is empty")
    if len(text) > MAX_TEXT:
        raise InvalidValue(f"is longer than {MAX_TEXT:,} characters", MAX_TEXT)
    bad = _NOT_TEXT.search(text)
    if bad:
        raise InvalidValue(f"holds U+{ord(bad[0]):04X}, which is not text", bad.start())
    return text


def parse_boolean(text: str) -> bool:
    """YAML 1.2's booleans."""
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text in ("true", "True", "TRUE")
    raise InvalidValue(f'wants true or false, got "{text}"')


def parse_number(text: str) -> float:
    """A finite decimal number."""
    if not re.fullmatch(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?", text, re.ASCII):
        raise InvalidValue(f'"{text}" is not a number')
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise InvalidValue(f'"{text}" is beyond what a number can hold')
    return number


def parse_count(text: str) -> int:
    """A whole number from 1."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < 1:
        raise InvalidValue(f'wants a whole number from 1, got "{text}"')
    return int(text)


def choice(*names: str) -> Callable[[str], str]:
    """Return a parser of one of some words."""

    def parse(text: str) -> str:
        if text in names:
            return text
        raise InvalidValue(f'"{text}" is not one of {", ".join(names)}', 0, closest(text, names))

    return parse


# What the keys are called in files of other tools, and by people: word → our key.
CALLED_ELSEWHERE = {
    "address": "jmx",
    "attributes": "fields",
    "bootstrap_servers": "bootstrap",
    "brokers": "bootstrap",
    "database": "bucket",
    "db": "bucket",
    "exclude": "deny",
    "host": "jmx",
    "include": "allow",
    "labels": "tags",
    "mbean": "bean",
    "object_name": "bean",
    "organization": "org",
    "port": "jmx",
    "servers": "bootstrap",
    "url": "jmx",
    "user": "username",
}


def closest(text: str, names: Iterable[str]) -> str | None:
    """Return what was meant perhaps: another spelling, or what it is called elsewhere."""
    known = {name.casefold(): name for name in names}
    word = text.casefold()
    if word in known:
        return known[word]
    elsewhere = CALLED_ELSEWHERE.get(word.replace("-", "_"))
    if elsewhere in known:
        return elsewhere
    near = difflib.get_close_matches(word, list(known), n=1)
    return known[near[0]] if near else None


def parse_regex(text: str) -> str:
    """Return the text if it compiles as a regular expression."""
    parse_text(text)
    try:
        re.compile(text)
    except re.error as error:
        at = error.pos or 0
        any_text = "; any text is .*" if text[at : at + 1] == "*" else ""
        raise InvalidValue(f"not a regular expression: {error.msg}{any_text}", at) from None
    except (OverflowError, RecursionError):
        raise InvalidValue("not a regular expression: too large") from None
    return text


def parse_url(text: str) -> str:
    """An http or https URL without credentials, query or fragment."""
    parse_text(text)
    match = _URL.match(text)
    if match is None:
        raise InvalidValue("wants a URL such as http://127.0.0.1:8086")
    _, at, netloc = match["netloc"].rpartition("@")
    if at:
        raise InvalidValue(_LOGIN_IN_URL, match.start("netloc"))
    end = re.search("[?#]", text)
    if end:
        raise InvalidValue("nothing after ? or # is used: leave it out", end.start())
    try:
        _check_netloc(netloc)
    except InvalidValue as error:
        if "@" in text:  # a / in the password, which ends the host for everybody
            raise InvalidValue(_LOGIN_IN_URL, match.start("netloc")) from None
        raise InvalidValue(error.message, match.start("netloc") + error.position) from None
    return text.rstrip("/")


def _check_netloc(netloc: str) -> None:
    host, colon, port = netloc.rpartition(":")
    if not colon or netloc.endswith("]"):
        parse_host(netloc)
        return
    parse_host(host)
    parse_port(port, len(host) + 1)


def parse_path(text: str) -> Path:
    """A path; what it is relative to is the loader's business."""
    parse_text(text)
    if text.startswith("~"):
        raise InvalidValue("~ is the shell's; write ${HOME} instead")
    return Path(text)


def parse_pem_path(text: str) -> Path:
    """A path to a PEM file; key stores are told by their names."""
    path = parse_path(text)
    if path.suffix.lower() in (".p12", ".pfx", ".jks"):
        raise InvalidValue(
            "a key store, which only cert_file may be; wants PEM:"
            " openssl pkcs12 -in STORE.p12 -nodes -out CLIENT.pem"
        )
    return path


def is_pkcs12(path: Path) -> bool:
    """Tell a PKCS#12 store by its name."""
    return path.suffix.lower() in (".p12", ".pfx")


def parse_certificate_path(text: str) -> Path:
    """A path to a certificate: PEM, or a PKCS#12 store with its key."""
    path = parse_path(text)
    if path.suffix.lower() in (".jks", ".jceks"):
        raise InvalidValue(
            "a key store of old Java; wants PEM or PKCS#12: keytool -importkeystore -srckeystore"
            " STORE.jks -destkeystore STORE.p12 -deststoretype pkcs12"
        )
    return path


def parse_secret(text: str) -> SecretStr:
    """Refuse what could not be sent in a header; say nothing about the rest of it."""
    if not text:
        raise InvalidValue("is empty")
    if _NOT_TEXT.search(text):
        raise InvalidValue("holds a control character (a line break?)")
    return SecretStr(text)


def parse_header_secret(text: str) -> SecretStr:
    """A secret that goes into an HTTP header, which carries ASCII (RFC 9110, section 5.5)."""
    secret = parse_secret(text)
    _refuse_beyond_ascii(text)
    return secret


def parse_header_text(text: str) -> str:
    """A text that goes into an HTTP header beside a secret."""
    _refuse_beyond_ascii(parse_text(text))
    return text


def _refuse_beyond_ascii(text: str) -> None:
    if not text.isascii():
        raise InvalidValue("holds a character that an HTTP header cannot carry: ASCII only")


def parse_aws_region(text: str) -> str:
    """A region of AWS; its name becomes part of a host's."""
    if not re.fullmatch(r"[a-z]{2,}(-[a-z]+)+-[0-9]{1,2}", parse_text(text), re.ASCII):
        raise InvalidValue(f'"{text}" is not a region of AWS, such as eu-central-1')
    return text


def parse_object_name(text: str) -> ObjectName:
    """An ObjectName or a pattern; empty it would be every MBean there is."""
    if not text:
        raise InvalidValue("is empty: *:* is every MBean")
    try:
        return ObjectName.parse(text)
    except MalformedObjectName as error:
        raise InvalidValue(f"not an ObjectName: {error.problem}", error.position) from None


def template_keys(text: str) -> list[tuple[str, int]]:
    """Return the key properties a name template asks for, each with its position."""
    return [(match["key"], match.start()) for match in KEY_IN_TEMPLATE.finditer(text)]


def parse_influx_name(text: str) -> str:
    """A measurement, tag or field name InfluxDB keeps."""
    parse_text(text)
    if text.startswith("_"):
        raise InvalidValue("names that begin with _ belong to InfluxDB itself")
    if text.startswith("#"):
        raise InvalidValue("a name that begins with # makes the line a comment")
    if text == "time":
        raise InvalidValue("time is InfluxDB's own column")
    return text


def parse_lag_name(text: str) -> str:
    """A measurement of the lag, or a tag or field of one."""
    if text in LAG_NAMES:
        return text
    said = f'"{text}" is no measurement of the lag, nor MEASUREMENT.NAME for a tag or field of one'
    raise InvalidValue(said, 0, closest(text, LAG_NAMES))


def parse_template(text: str) -> str:
    """A measurement or field name that may hold {key} or {=key}."""
    parse_influx_name(text)
    stray = re.search(r"[{}]", KEY_IN_TEMPLATE.sub(lambda match: " " * len(match[0]), text))
    if stray:
        raise InvalidValue(
            "a brace without its partner; {key} stands for a key property", stray.start()
        )
    empty = next((at for key, at in template_keys(text) if not key), None)
    if empty is not None:
        raise InvalidValue("{} names no key property", empty)
    return text


RESERVED_TAGS = {
    "cluster": "every point has the tag cluster already",
    "target": "every point has the tag target already, the target's name",
}


def parse_tag_name(text: str) -> str:
    """A tag name that is not one every point has."""
    parse_influx_name(text)
    if text in RESERVED_TAGS:
        raise InvalidValue(RESERVED_TAGS[text])
    return text
