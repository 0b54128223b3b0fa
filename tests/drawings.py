"""Charts of pages, read back from what was drawn."""

import re
from xml.etree import ElementTree

import numpy as np

KEY = 22  # what lies above this names what is drawn


class Drawn:
    """A small chart, read back: what its axes are by their first and last numbers."""

    def __init__(self, text):
        self.root = ElementTree.fromstring(text)
        self.texts = [one.text or "" for one in self.parts("text")]
        self.lines = [
            ([tuple(map(float, point.split(","))) for point in one.get("points").split()], one)
            for one in self.parts("polyline")
        ]

    def parts(self, name):
        return self.root.findall("{http://www.w3.org/2000/svg}" + name)

    def stems(self):
        """Return the colour, the place and both ends of every upright line that is drawn."""
        for path in self.parts("path"):
            for stem in re.findall(r"M([-.\d]+) ([-.\d]+)V([-.\d]+)", path.get("d")):
                yield path.get("stroke"), *map(float, stem)

    def marks(self):
        """Return the points that have marks, by colour and form; those of the key are left out."""
        points = {}
        for path in self.parts("path"):
            for x, y, form in re.findall(r"M([-.\d]+) ([-.\d]+)(m[^M]*)", path.get("d")):
                if float(y) > KEY:
                    points.setdefault((path.get("stroke"), form), []).append((float(x), float(y)))
        return points

    def key(self):
        """Return what the key above the chart names, with the colour and the form of its mark."""
        names = [one.text for one in self.parts("text") if float(one.get("y")) <= KEY]
        marks = [
            (path.get("stroke"), form)
            for path in self.parts("path")
            for y, form in re.findall(r"M[-.\d]+ ([-.\d]+)(m[^M]*)", path.get("d"))
            if float(y) <= KEY
        ]
        return dict(zip(names, marks, strict=True))

    def scale(self, below):
        """Return the place that stands for a value, from the numbers of an axis."""
        marks = []
        for (first, second), line in (pair for pair in self.lines if len(pair[0]) == 2):
            if line.get("stroke") == "black" and line.get("stroke-width") == "0.8":
                across = first[1] != second[1]
                if across == below and abs(first[0] - second[0]) < 10:
                    marks.append(first[0] if below else first[1])
        numbers = [text for text in self.texts if text and not text.strip("%−.0123456789")]
        numbers = [float(text.strip("%").replace("−", "-")) for text in numbers]
        numbers = numbers[: len(marks)] if below else numbers[-len(marks) :]
        slope, start = np.polyfit(numbers, marks, 1)
        return lambda place: (place - start) / slope
