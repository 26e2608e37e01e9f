"""Grammars of single values: one function per kind, text in, value out, or InvalidValue.

Rule: no message quotes a secret, so `parse_secret` does not repeat what it refuses.
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

# Control characters and halves of surrogate pairs, which InfluxDB could not store as text.
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
        raise InvalidValue(f"contains U+{ord(bad[0]):04X}, which is not text", bad.start())
    return text


def parse_boolean(text: str) -> bool:
    """Read one of YAML 1.2's booleans."""
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text in ("true", "True", "TRUE")
    raise InvalidValue(f'wants true or false, got "{text}"')


def parse_number(text: str) -> float:
    """Read a finite decimal number."""
    if not re.fullmatch(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?", text, re.ASCII):
        raise InvalidValue(f'"{text}" is not a number')
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise InvalidValue(f'"{text}" is too large for a number')
    return number


def parse_count(text: str) -> int:
    """Read a whole number from 1."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < 1:
        raise InvalidValue(f'wants a whole number from 1, got "{text}"')
    return int(text)


def choice(*names: str) -> Callable[[str], str]:
    """Return a parser that accepts these words and no others."""

    def parse(text: str) -> str:
        if text in names:
            return text
        raise InvalidValue(f'"{text}" is not one of {", ".join(names)}', 0, closest(text, names))

    return parse


# Names that other tools, and people, use for our keys: name → our key.
SYNONYMS = {
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
    """Return the name that was probably meant, by its spelling or as a synonym."""
    known = {name.casefold(): name for name in names}
    word = text.casefold()
    if word in known:
        return known[word]
    synonym = SYNONYMS.get(word.replace("-", "_"))
    if synonym in known:
        return synonym
    near = difflib.get_close_matches(word, list(known), n=1)
    return known[near[0]] if near else None


def parse_regex(text: str) -> str:
    """Return the text if it compiles as a regular expression."""
    parse_text(text)
    try:
        re.compile(text)
    except re.error as error:
        position = error.pos or 0
        hint = "; any text is .*" if text[position : position + 1] == "*" else ""
        raise InvalidValue(f"not a regular expression: {error.msg}{hint}", position) from None
    except (OverflowError, RecursionError):
        raise InvalidValue("not a regular expression: too large") from None
    return text


def parse_url(text: str) -> str:
    """Read an http or https URL without login, query or fragment; a slash at its end is dropped."""
    parse_text(text)
    match = _URL.match(text)
    if match is None:
        raise InvalidValue("wants a URL such as http://127.0.0.1:8086")
    _, at_sign, netloc = match["netloc"].rpartition("@")
    if at_sign:
        raise InvalidValue(_LOGIN_IN_URL, match.start("netloc"))
    end = re.search("[?#]", text)
    if end:
        raise InvalidValue("nothing after ? or # is used: leave it out", end.start())
    try:
        _check_netloc(netloc)
    except InvalidValue as error:
        if "@" in text:  # a password with a slash, which ends the host in every URL parser
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
    """Read a path; `config.linked_files` knows what it is relative to."""
    parse_text(text)
    if text.startswith("~"):
        raise InvalidValue("only a shell replaces ~; write ${HOME} instead")
    return Path(text)


def parse_pem_path(text: str) -> Path:
    """Read the path of a PEM file; a key store is recognized by its name, and refused."""
    path = parse_path(text)
    if path.suffix.lower() in (".p12", ".pfx", ".jks"):
        raise InvalidValue(
            "a key store, which only cert_file may be; wants PEM:"
            " openssl pkcs12 -in STORE.p12 -nodes -out CLIENT.pem"
        )
    return path


def is_pkcs12(path: Path) -> bool:
    """Return whether a file is a PKCS#12 store, by its name."""
    return path.suffix.lower() in (".p12", ".pfx")


def parse_certificate_path(text: str) -> Path:
    """Read the path of a certificate: PEM, or a PKCS#12 store with its key."""
    path = parse_path(text)
    if path.suffix.lower() in (".jks", ".jceks"):
        raise InvalidValue(
            "a Java key store; wants PEM or PKCS#12: keytool -importkeystore -srckeystore"
            " STORE.jks -destkeystore STORE.p12 -deststoretype pkcs12"
        )
    return path


def parse_secret(text: str) -> SecretStr:
    """Read a secret, without quoting it; a line break is usually an accident of copying."""
    if not text:
        raise InvalidValue("is empty")
    if _NOT_TEXT.search(text):
        raise InvalidValue("contains a control character (a line break?)")
    return SecretStr(text)


def parse_header_secret(text: str) -> SecretStr:
    """Read a secret that is sent in an HTTP header, which is ASCII (RFC 9110, section 5.5)."""
    secret = parse_secret(text)
    _refuse_beyond_ascii(text)
    return secret


def parse_header_text(text: str) -> str:
    """Read a text that is sent in an HTTP header, such as the user name of a login."""
    _refuse_beyond_ascii(parse_text(text))
    return text


def _refuse_beyond_ascii(text: str) -> None:
    if not text.isascii():
        raise InvalidValue("contains a character that an HTTP header cannot carry: ASCII only")


def parse_aws_region(text: str) -> str:
    """Read a region of AWS, whose name becomes part of a host name."""
    if not re.fullmatch(r"[a-z]{2,}(-[a-z]+)+-[0-9]{1,2}", parse_text(text), re.ASCII):
        raise InvalidValue(f'"{text}" is not a region of AWS, such as eu-central-1')
    return text


def parse_object_name(text: str) -> ObjectName:
    """Read an ObjectName or a pattern; an empty one would match every MBean (`*:*`)."""
    if not text:
        raise InvalidValue("is empty: *:* is every MBean")
    try:
        return ObjectName.parse(text)
    except MalformedObjectName as error:
        raise InvalidValue(f"not an ObjectName: {error.problem}", error.position) from None


def template_keys(text: str) -> list[tuple[str, int]]:
    """Return the key properties in a name template, each with its position."""
    return [(match["key"], match.start()) for match in KEY_IN_TEMPLATE.finditer(text)]


def parse_influx_name(text: str) -> str:
    """Read the name of a measurement, tag or field that InfluxDB accepts."""
    parse_text(text)
    if text.startswith("_"):
        raise InvalidValue("names that begin with _ belong to InfluxDB itself")
    if text.startswith("#"):
        raise InvalidValue("a name that begins with # makes the line a comment")
    if text == "time":
        raise InvalidValue("time is InfluxDB's own column")
    return text


def parse_lag_name(text: str) -> str:
    """Read the default name of a lag measurement, or of a tag or field: MEASUREMENT.NAME."""
    if text in LAG_NAMES:
        return text
    message = f'"{text}" is neither a lag measurement nor MEASUREMENT.NAME, a tag or field of one'
    raise InvalidValue(message, 0, closest(text, LAG_NAMES))


def parse_template(text: str) -> str:
    """Read a measurement or field name that may hold {key} or {=key}."""
    parse_influx_name(text)
    stray = re.search(r"[{}]", KEY_IN_TEMPLATE.sub(lambda match: " " * len(match[0]), text))
    if stray:
        raise InvalidValue("an unmatched brace; {key} stands for a key property", stray.start())
    for key, position in template_keys(text):
        if not key:
            raise InvalidValue("{} names no key property", position)
    return text


RESERVED_TAGS = {
    "cluster": "every point has the tag cluster already",
    "target": "every point has the tag target already, the target's name",
}


def parse_tag_name(text: str) -> str:
    """Read a tag name; a tag that every point has is refused."""
    parse_influx_name(text)
    if text in RESERVED_TAGS:
        raise InvalidValue(RESERVED_TAGS[text])
    return text
