"""Class descriptors that are linked to their superclasses."""

import struct

from jmxbridge.jmx.serialization.class_desc import ClassDesc, ClassDescInfo, link
from jmxbridge.jmx.values import Value

SERIALIZABLE = 0x02


def linked(
    name: str,
    *fields: tuple[str, str],
    flags: int = SERIALIZABLE,
    superclass: ClassDesc | None = None,
) -> ClassDesc:
    """Return a class of these fields, linked with no unwrap functions; `Box` is a boxed type."""
    return link(ClassDescInfo(name, flags, fields), superclass, {}, {"Box"})


def run_formats(desc: ClassDesc) -> list[tuple[str | None, tuple[str, ...]]]:
    """Return format and field names of each run of a class, without those of superclasses."""
    return [
        (None if run.struct is None else run.struct.format, run.names)
        for run in desc.layouts[-1].runs
    ]


def test_adjacent_primitives_are_one_run() -> None:
    """An object between them splits the run; each object is a run of its own."""
    desc = linked("C", ("I", "a"), ("J", "b"), ("L", "c"), ("[", "d"), ("Z", "e"), ("C", "f"))
    assert run_formats(desc) == [
        (">iq", ("a", "b")),
        (None, ("c",)),
        (None, ("d",)),
        (">?H", ("e", "f")),
    ]
    assert desc.layouts[-1].runs[-1].chars == ("f",)
    assert desc.field_count == 6


def test_layouts_start_at_the_topmost_superclass() -> None:
    """A field whose name a superclass has too is named `Class.field`."""
    base = linked("Base", ("I", "n"))
    desc = linked("C", ("I", "n"), ("I", "m"), superclass=linked("B", superclass=base))
    assert desc.superclasses == ("B", "Base")
    assert [layout.class_name for layout in desc.layouts] == ["Base", "C"]
    assert run_formats(desc) == [(">ii", ("C.n", "m"))]


def test_a_class_that_is_not_serializable_wrote_nothing() -> None:
    """Such a class has no layout."""
    assert linked("C", ("I", "n"), flags=0).layouts == ()


def test_a_write_method_writes_an_annotation() -> None:
    """SC_WRITE_METHOD, and SC_EXTERNALIZABLE with SC_BLOCK_DATA."""
    assert linked("C", flags=0x03).layouts[0].has_annotation
    assert linked("C", flags=0x0C).layouts[0].has_annotation
    assert linked("C").layouts == ()


def test_an_externalizable_class_without_block_data_is_undelimited() -> None:
    """Its data has no end mark, so it is not plain; neither are enums and arrays."""
    assert linked("C", flags=0x04).is_undelimited
    assert not linked("C", flags=0x0C).is_undelimited
    assert linked("C").is_plain
    assert not linked("[I").is_plain
    assert not linked("E", flags=0x12).is_plain
    assert not linked("C", flags=0x04).is_plain


def test_a_box_is_a_boxed_type_with_one_primitive_named_value() -> None:
    """Anything else is read field by field."""
    box = linked("Box", ("I", "value"), superclass=linked("java.lang.Number")).box
    assert isinstance(box, struct.Struct)
    assert box.format == ">i"
    assert linked("Box", ("I", "other")).box is None
    assert linked("Box", ("I", "value"), ("I", "more")).box is None
    assert linked("Box", ("C", "value")).box is None
    assert linked("Box", ("I", "value"), flags=0x03).box is None
    assert linked("Other", ("I", "value")).box is None


def test_the_unwrap_function_is_that_of_the_class_name() -> None:
    """A superclass does not hand its function down."""

    def unwrap(fields: dict[str, Value], annotations: object) -> Value:
        return "unwrapped"

    info = ClassDescInfo("C", SERIALIZABLE, ())
    desc = link(info, None, {"C": unwrap}, ())
    assert desc.unwrap is unwrap
    assert link(ClassDescInfo("D", SERIALIZABLE, ()), desc, {"C": unwrap}, ()).unwrap is None
    assert desc.empty.class_name == "C"
