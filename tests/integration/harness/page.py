# SPDX-License-Identifier: Apache-2.0
"""HTML read strictly: every element that is opened is closed, in order, and what a page refers to is known."""
from html.parser import HTMLParser

VOID = {"meta", "br", "link", "hr", "img", "input"}
REFERENCES = {"href", "src", "action", "data", "srcset", "poster", "formaction", "xlink:href", "background"}


class Page(HTMLParser):
    """`text`: all of it outside of <style>; `tables`: by the heading above them, each a list of rows of texts;
    `references`: the values of attributes that lead anywhere; `tags`: how often each element is there."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.open, self.text, self.tables, self.references, self.ids, self.tags = [], "", {}, [], [], {}
        self.heading, self.rows, self.cell, self.title = "", None, None, ""
        self.feed(html)
        self.close()
        assert self.open == [], f"not closed: {self.open}"
        assert len(self.ids) == len(set(self.ids)), "ids are unique"

    def handle_starttag(self, tag, attributes):
        names = [name for name, _ in attributes]
        assert len(names) == len(set(names)), f"attribute twice: {tag} {names}"
        assert not any(name.startswith("on") or name == "style" for name in names), f"script or style: {tag} {names}"
        self.references += [value for name, value in attributes if name in REFERENCES]
        self.ids += [value for name, value in attributes if name == "id"]
        self.tags[tag] = self.tags.get(tag, 0) + 1
        if tag not in VOID:
            self.open.append(tag)
        if tag == "h2":
            self.heading = ""
        elif tag == "table":
            self.rows = self.tables.setdefault(self.heading, [])
        elif tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            assert tag == "td" or dict(attributes).get("scope") in ("row", "col"), "a th has a scope"
            self.cell = ""
        elif tag == "br" and self.cell is not None:
            self.cell += "\n"

    def handle_startendtag(self, tag, attributes):
        assert "svg" in self.open, f"only SVG closes elements so: {tag}"
        self.handle_starttag(tag, attributes)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> within {self.open}"
        self.open.pop()
        if tag in ("td", "th"):
            self.rows[-1].append(" ".join(self.cell.split("\N{NO-BREAK SPACE}")).strip())
            self.cell = None

    def handle_data(self, data):
        if "style" in self.open:
            return
        if "title" in self.open:
            self.title += "" if "svg" in self.open else data
            return
        self.text += data
        if "h2" in self.open:
            self.heading += data
        if self.cell is not None:
            self.cell += data

    def error(self, message):
        raise AssertionError(message)
