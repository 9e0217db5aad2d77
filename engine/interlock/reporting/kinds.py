"""The fact kinds for people: a line each, or the fields of each that was named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from interlock.escape import harmless
from interlock.model.kinds import FactKind, KindField
from interlock.reporting.style import RenderContext, aligned, table, wrapped


def as_list(kinds: Sequence[FactKind], look: RenderContext) -> str:
    """A line for each kind: its name, what it is, where it is from, and what it says."""
    origins = ["shipped" if each.origin == "shipped" else each.file for each in kinds]
    found = zip(kinds, origins, strict=True)
    return table(((each.kind, each.sort, origin, each.description) for each, origin in found), look.width)


def as_pages(kinds: Sequence[FactKind], look: RenderContext) -> str:
    """For each kind what it is, and its fields with their types."""
    return "\n".join("".join(f"{harmless(line)}\n" for line in _page(each, look)) for each in kinds)


def _page(kind: FactKind, look: RenderContext) -> Iterator[str]:
    origin = "ships with interlock" if kind.origin == "shipped" else kind.file
    yield f"{kind.kind}: {'an entity' if kind.sort == 'entity' else 'a receipt'}, {origin}"
    yield from wrapped(kind.description, look.width, "  ", "  ")
    if kind.sort == "receipt":
        yield f"  Recorded by: {kind.recorded_by}."
    if kind.events:
        yield f"  Brought by CloudEvents of the type {', '.join(kind.events)}."
    yield ""
    own = [each for each in kind.fields if not each.envelope]
    rows = [[each.path, _type(each), each.description] for each in own]
    yield from (f"  {line}" for line in aligned(rows, width=look.width and look.width - 2))
    if own:
        yield ""
    every = ", ".join(each.path for each in kind.fields if each.envelope and each.type is not None)
    yield from wrapped(f"and as of every fact: {every}", look.width, "  ", "    ")


def _type(field: KindField) -> str:
    if field.type is None:
        return f"not readable: {field.why}"
    values = f" ({', '.join(field.values)})" if field.values else ""
    of = f" of {field.item}" if field.item else ""
    return f"{field.type}{of}{values}{', may be null' if field.nullable else ''}"
