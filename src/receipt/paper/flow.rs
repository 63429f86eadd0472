//! Filling pages from top to bottom: paragraphs, and rows of names and values.

use super::face::{Colour, Face, Faces, Run, Style};
use super::sheet::{Area, Mark, Meaning, Node, Place, Sheets};

/// The margins of a page, and the column of names, in points.
#[derive(Debug, Clone, Copy)]
pub struct Margins {
    /// Left and right.
    pub side: f32,
    /// Above, on pages after the first.
    pub top: f32,
    /// Below.
    pub bottom: f32,
    /// How wide the names of rows are.
    pub names: f32,
}

/// Pages being filled.
pub struct Flow<'f> {
    /// What was put so far.
    pub sheets: Sheets,
    /// The typefaces.
    pub faces: &'f Faces,
    /// How far from the top the newest page is filled.
    pub y: f32,
    margins: Margins,
}

impl<'f> Flow<'f> {
    /// Begins with one page.
    #[must_use]
    pub fn new(sheets: Sheets, faces: &'f Faces, margins: Margins) -> Self {
        Self { sheets, faces, y: margins.top, margins }
    }

    /// The left edge of the text.
    #[must_use]
    pub const fn left(&self) -> f32 {
        self.margins.side
    }

    /// How wide the text is.
    #[must_use]
    pub fn width(&self) -> f32 {
        self.sheets.width - 2.0 * self.margins.side
    }

    /// The right edge of the text.
    #[must_use]
    pub fn right(&self) -> f32 {
        self.sheets.width - self.margins.side
    }

    /// Where the rows' values begin.
    #[must_use]
    pub fn values(&self) -> f32 {
        self.margins.side + self.margins.names
    }

    /// Goes on to the next page where less than this is left on the newest.
    pub fn need(&mut self, height: f32) {
        if self.y + height > self.sheets.height - self.margins.bottom {
            self.sheets.pages.push(super::sheet::Page::default());
            self.y = self.margins.top;
        }
    }

    /// Leaves room.
    pub fn skip(&mut self, height: f32) {
        self.y += height;
    }

    /// One line of letters at `x`.
    pub fn line(&mut self, x: f32, run: Run, node: Node) {
        self.says(x, run, None, node);
    }

    /// One line of letters that show something else than they say.
    pub fn says(&mut self, x: f32, run: Run, says: Option<String>, node: Node) {
        let style = run.style;
        self.need(style.leading);
        // The letters stand in the middle of their line: 0.93 and 0.24 of their size above and below its foot.
        let foot = self.y + (style.leading - style.size * 1.17) / 2.0 + style.size * 0.93;
        self.sheets.put(Mark::Text { x, y: foot, run, says, node: Some(node) });
        self.y += style.leading;
    }

    /// A paragraph from `x` to the right edge.
    pub fn paragraph(&mut self, x: f32, text: &str, style: Style, parent: Node) {
        let node = self.sheets.node(parent, Meaning::Paragraph);
        self.text(x, text, style, node);
    }

    /// Lines from `x` to the right edge, kept together where they are few.
    pub fn text(&mut self, x: f32, text: &str, style: Style, node: Node) {
        let lines = self.faces.lines(text, style, self.right() - x);
        self.keep(&lines);
        for line in lines {
            self.line(x, line, node);
        }
    }

    /// Room for all of these lines, or for the first of them where they are many.
    fn keep(&mut self, lines: &[Run]) {
        let heights = lines.iter().take(6).map(|line| line.style.leading);
        self.need(heights.sum());
    }

    /// A heading with a line below, and a section for what follows. `room` is what must fit below it.
    pub fn section(&mut self, title: &str, style: Style, room: f32) -> Node {
        self.need(24.0 + style.leading + room);
        if !self.at_top() {
            self.skip(18.0);
        }
        let section = self.sheets.node(Sheets::root(), Meaning::Section);
        let heading = self.sheets.node(section, Meaning::Heading(2, title.to_owned()));
        let place = Place { title: title.to_owned(), page: self.sheets.pages.len() - 1, y: self.y };
        self.sheets.places.push(place);
        let run = self.faces.run(title, style);
        self.line(self.left(), run, heading);
        self.skip(3.0);
        self.rule(style.colour, 0.9);
        self.skip(6.0);
        section
    }

    /// A line across the text.
    pub fn rule(&mut self, colour: Colour, height: f32) {
        let areas = vec![Area { x: self.left(), y: self.y, width: self.width(), height }];
        self.sheets.put(Mark::Fill { areas, colour, node: None });
    }

    /// A line across the text, but for the top of a page.
    pub fn between(&mut self, colour: Colour, height: f32) {
        if self.y > self.margins.top + 6.0 {
            self.rule(colour, height);
        }
    }

    fn at_top(&self) -> bool {
        self.sheets.pages.len() > 1 && self.y <= self.margins.top
    }

    /// A name and its value, which may go on over pages.
    pub fn row(&mut self, table: Node, name: &str, value: &str, style: Style) {
        let label = Style { leading: style.leading, ..Style::new(Face::Regular, 9.0, Colour::GREY) };
        let names = self.faces.lines(name, label, self.margins.names - 12.0);
        let values = self.faces.lines(value, style, self.right() - self.values());
        self.keep(if names.len() > values.len() { &names } else { &values });
        let row = self.sheets.node(table, Meaning::Row);
        let (of_name, of_value) = (self.sheets.node(row, Meaning::Name), self.sheets.node(row, Meaning::Value));
        let (top, page) = (self.y, self.sheets.pages.len());
        for line in names {
            self.line(self.left(), line, of_name);
        }
        let below = self.y;
        self.y = top;
        for line in values {
            self.line(self.values(), line, of_value);
        }
        if page == self.sheets.pages.len() {
            self.y = self.y.max(below);
        }
        self.skip(3.5);
    }
}
