"""Pages of lists: one rule for all of them, two families of parameters in, one superset out (spec 01, section 1.9).

The feed and the log's entries are no lists: they go on by position, and say for themselves how many there are at once.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from api.http.query import ListQuery

LAST_PAGE = 10_000
LAST_ROW = 10_000_000


class Sizes(Struct, frozen=True):
    """``own`` is the name that counts when both are given."""

    default: int = 20
    most: int = 100
    own: Literal["page_size", "limit"] = "page_size"


LISTS = Sizes()
QUEUES = Sizes(default=100, most=500)
STORIES = Sizes(default=100, most=500, own="limit")
"""What is worked off has a hundred, and five hundred at most; everything else twenty, and a hundred."""


class PageQuery(ListQuery, frozen=True, kw_only=True):
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

    def of(self, whole: Sequence[Any]) -> Sequence[Any]:
        """The part of a list that is at hand as a whole."""
        return whole[self.offset : self.offset + self.limit]

    def answer(self, data: list[Any], total: int) -> dict[str, Any]:
        return {"data": data, "meta": self.meta(total)}


def page_of(query: PageQuery, sizes: Sizes = LISTS) -> Page:
    names = (query.limit, query.page_size) if sizes.own == "limit" else (query.page_size, query.limit)
    size = min(next((given for given in names if given is not UNSET), sizes.default), sizes.most)
    if query.offset is not UNSET:
        return Page(size, query.offset)
    return Page(size, ((1 if query.page is UNSET else query.page) - 1) * size)
