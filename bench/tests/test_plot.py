import xml.etree.ElementTree as ElementTree

import pytest
from lib.plot import Line, axis, svg

LINES = [Line("a p50", "#123456", [(20, 300.0), (5, 20.0)]), Line("a <p99>", "#123456", [(5, 40.0), (20, 900.0)], dashed=True)]
SVG = "{http://www.w3.org/2000/svg}"


def test_equal_ratios_are_equally_long():
    x = axis([1, 100], 0, 100)
    assert x.at(10) - x.at(1) == pytest.approx(x.at(100) - x.at(10))
    assert 0 < x.at(1) < x.at(100) < 100


def test_ticks_are_round_numbers_within():
    assert axis([4, 90], 0, 100).ticks() == [5, 10, 20, 50, 100]


def test_it_is_xml_with_a_curve_for_each_line_from_left_to_right():
    curves = ElementTree.fromstring(svg(LINES, "x", "y", 500)).findall(f"{SVG}polyline")
    assert len(curves) == 2
    lefts = [float(point.split(",")[0]) for point in curves[0].get("points").split()]
    assert lefts == sorted(lefts)
    assert [bool(curve.get("stroke-dasharray")) for curve in curves] == [False, True]


def test_names_are_escaped():
    assert "a &lt;p99&gt;" in svg(LINES, "x", "y")
