"""Templates of the getAttributes calls of one connection, shared by MBeans with like replies."""

from collections.abc import Mapping

from jmxbridge.jmx.rmi.template import StructTemplate
from jmxbridge.jmx.rmi.template_builder import build_template
from jmxbridge.jmx.serialization.known_classes import KnownClasses
from jmxbridge.jmx.values import Value, has_at_most

# Replies to the same attributes differ in the lengths of strings and in which values are null or
# equal: each combination is a shape with a template of its own.
MAX_SHAPES = 16
# Longer replies are those of MBeans with large tables, which are not read often.
MAX_REPLY_BYTES = 16 << 10
# A template takes about three times the memory of its reply: this bounds all to 24 MB. A broker's
# MBeans need less than 100 templates, of 600 bytes.
MAX_LEARNED_BYTES = 8 << 20
# Replies that are learned from even if no earlier template was ever hit. After them a reply is
# learned from only at every doubling of the misses, so that replies that are never alike cost no
# more than their decoding.
FREE_LESSONS = 4 * MAX_SHAPES


class TemplateGroup:
    """The templates for replies with the same attributes; the last one that was hit is first."""

    __slots__ = ("_misses", "_pool", "_templates")

    def __init__(self, pool: "TemplatePool") -> None:
        self._pool = pool
        self._templates: list[StructTemplate] = []
        self._misses = 0

    def read(self, buf: bytes, pos: int) -> tuple[dict[str, Value], StructTemplate] | None:
        """Return the attributes in the reply at `pos` and the template that read them, or None."""
        for index, template in enumerate(self._templates):
            attributes = template.read(buf, pos)
            if attributes is not None:
                if index:
                    self._templates.insert(0, self._templates.pop(index))
                return attributes, template
        return None

    def learn(self, raw: bytes, attributes: Mapping[str, Value]) -> None:
        """Learn from a reply that was decoded to `attributes`."""
        self._misses += 1
        is_due = self._misses <= FREE_LESSONS or self._misses.bit_count() == 1
        template = self._pool.template(raw, attributes) if is_due else None
        if template is not None:
            del self._templates[MAX_SHAPES - 1 :]
            self._templates.insert(0, template)


class AttributeTemplate:
    """The ReplyTemplate of one getAttributes call.

    Its next reply most likely has the shape of the last one, so that template is tried first, then
    those of other calls for the same attributes. `size` is that of the last reply in bytes, 0
    before the first.
    """

    __slots__ = ("_group", "_last", "size")

    def __init__(self, group: TemplateGroup) -> None:
        self._group = group
        self._last: StructTemplate | None = None
        self.size = 0

    def read(self, buf: bytes, pos: int) -> dict[str, Value] | None:
        """Return the attributes in the reply at `pos` and set `size`; None if no template fits."""
        template = self._last
        if template is not None:
            attributes = template.read(buf, pos)
            if attributes is not None:
                self.size = template.size
                return attributes
        hit = self._group.read(buf, pos)
        if hit is None:
            return None
        attributes, self._last = hit
        self.size = self._last.size
        return attributes

    def learn(self, raw: bytes, attributes: Mapping[str, Value]) -> None:
        """Learn from a reply that was decoded to `attributes`."""
        self._group.learn(raw, attributes)


class TemplatePool:
    """The templates of one connection. Calls whose replies are alike share a template."""

    def __init__(self, classes: KnownClasses) -> None:
        self._classes = classes
        self._groups: dict[tuple[str, ...], TemplateGroup] = {}
        self._templates: dict[object, StructTemplate] = {}
        self._bytes = 0

    def group(self, attributes: tuple[str, ...]) -> TemplateGroup:
        """Return the templates for these attributes."""
        group = self._groups.get(attributes)
        if group is None:
            group = self._groups[attributes] = TemplateGroup(self)
        return group

    def template(self, raw: bytes, attributes: Mapping[str, Value]) -> StructTemplate | None:
        """Return a template for replies like `raw`, new or shared; None if it would be too large.

        `attributes` are what `raw` was decoded to.
        """
        if len(raw) > MAX_REPLY_BYTES or self._bytes + len(raw) > MAX_LEARNED_BYTES:
            return None
        if not has_at_most(len(raw), attributes.values()):
            return None
        built = build_template(raw, attributes, self._classes)
        template = self._templates.setdefault(built.key, built)
        if template is built:
            self._bytes += len(raw)
        return template
