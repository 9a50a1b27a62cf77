"""Pages of lists: two families of parameters in, one superset out (spec 01, section 1.9)."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

LAST_PAGE = 10_000
LAST_ROW = 10_000_000


class PageQuery(Struct, frozen=True, kw_only=True):
    """Taken by every list. Out of bounds means the nearest bound."""

    page: Annotated[int, Meta(ge=1, le=LAST_PAGE, description="Page, from 1.")] | UnsetType = UNSET
    page_size: Annotated[int, Meta(ge=1, description="Items of a page; the list's own cap applies.")] | UnsetType = (
        UNSET
    )
    limit: Annotated[int, Meta(ge=1, description="The same as page_size.")] | UnsetType = UNSET
    offset: Annotated[int, Meta(ge=0, le=LAST_ROW, description="Items to leave out before the first.")] | UnsetType = (
        UNSET
    )


class Page(Struct, frozen=True):
    """Which rows to read."""

    limit: int
    offset: int

    def meta(self, total: int) -> dict[str, int]:
        """For the answer: both families' members."""
        return {
            "page": self.offset // self.limit + 1,
            "page_size": self.limit,
            "total_count": total,
            "total_pages": -(-total // self.limit),
            "limit": self.limit,
            "offset": self.offset,
        }

    def answer(self, data: list[Any], total: int) -> dict[str, Any]:
        return {"data": data, "meta": self.meta(total)}


def page_of(query: PageQuery, *, default: int = 20, cap: int = 100, by_offset: bool = False) -> Page:
    """``by_offset`` lists prefer ``limit`` where both sizes are given, the others ``page_size``."""
    names = (query.limit, query.page_size) if by_offset else (query.page_size, query.limit)
    size = min(next((given for given in names if given is not UNSET), default), cap)
    if query.offset is not UNSET:
        return Page(size, query.offset)
    return Page(size, ((1 if query.page is UNSET else query.page) - 1) * size)
