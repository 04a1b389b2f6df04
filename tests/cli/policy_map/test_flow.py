"""The layout of the map: everything is drawn, nothing overlaps, and a picture stays small."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from token_exchange_cli.policy_map.flow import HEIGHT, MAX_BOXES, Kind, Link, lay_out

KINDS: list[Kind] = ["push", "pull", "stored"]
LINKS = st.lists(
    st.builds(
        lambda column, source, target, kind: Link(
            column=column, source=f"{column}-{source}", target=f"{column + 1}-{target}", kind=kind
        ),
        st.integers(0, 1),
        st.integers(0, 60),
        st.integers(0, 60),
        st.sampled_from(KINDS),
    ),
    max_size=300,
)


@given(LINKS)
def test_every_link_is_drawn_and_no_box_overlaps(links: list[Link]) -> None:
    flow = lay_out(links, columns=3)
    assert sum(ribbon.links for ribbon in flow.ribbons) == len(links)
    for column in range(3):
        boxes = [box for box in flow.boxes if box.column == column]
        assert len(boxes) <= MAX_BOXES
        assert all(above.bottom < below.top for above, below in pairwise(boxes))
        keys = [key for box in boxes for key in box.keys]
        ends = {link.source for link in links if link.column == column}
        ends |= {link.target for link in links if link.column + 1 == column}
        assert sorted(keys) == sorted(ends)
    assert flow.height <= HEIGHT + 20 * MAX_BOXES


@given(LINKS)
def test_layout_does_not_depend_on_the_order(links: list[Link]) -> None:
    assert lay_out(links, columns=3) == lay_out(reversed(links), columns=3)


def test_width_is_the_number_of_links() -> None:
    once = Link(column=0, source="a", target="x", kind="pull")
    often = Link(column=0, source="b", target="x", kind="push")
    thick, thin = lay_out([once, often, often, often], columns=2).ribbons
    assert (thick.kind, thick.links, thin.links) == ("push", 3, 1)
    assert thick.width == 3 * thin.width


def test_the_smallest_boxes_are_combined() -> None:
    links = [
        Link(column=0, source=f"{number:03}", target="x", kind="pull")
        for number in range(100)
        for _ in range(100 - number)
    ]
    *single, rest = [box for box in lay_out(links, columns=2).boxes if box.column == 0]
    assert [box.keys for box in single[:2]] == [("000",), ("001",)]
    assert len(single) == MAX_BOXES - 1
    assert len(rest.keys) == 100 - len(single)
