//! What stands on which page, and what it means: the tree that a screen reader walks (ISO 32000-1 § 14.8).

use super::face::{Colour, Run};

/// A node of the tree of meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node(pub(super) usize);

/// What a part of the paper is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// All of it.
    Document,
    /// A part with a heading of its own.
    Section,
    /// A heading, its level from 1, and what it says.
    Heading(u16, String),
    /// A paragraph.
    Paragraph,
    /// Rows of names and values.
    Table,
    /// One of them.
    Row,
    /// The name in a row.
    Name,
    /// The value in a row.
    Value,
    /// A list.
    List,
    /// One thing of a list.
    Item,
    /// Its number.
    Label,
    /// The thing itself.
    Body,
    /// A picture, and what it shows.
    Figure(String),
    /// A link.
    Link,
}

/// A rectangle, in points from the upper left corner of the page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    /// From the left.
    pub x: f32,
    /// From the top.
    pub y: f32,
    /// Its width.
    pub width: f32,
    /// Its height.
    pub height: f32,
}

/// Something on a page. What has no node is decoration, or repeats itself on every page.
#[derive(Debug)]
pub enum Mark {
    /// Letters; `y` is the line they stand on.
    Text {
        /// From the left.
        x: f32,
        /// From the top.
        y: f32,
        /// The letters.
        run: Run,
        /// What they say, where that is not what they show.
        says: Option<String>,
        /// What they belong to.
        node: Option<Node>,
    },
    /// Rectangles of one colour.
    Fill {
        /// The rectangles.
        areas: Vec<Area>,
        /// Their colour.
        colour: Colour,
        /// What they belong to.
        node: Option<Node>,
    },
    /// A place that leads elsewhere.
    Link {
        /// The place.
        area: Area,
        /// Where to.
        url: String,
        /// What it belongs to.
        node: Node,
    },
}

/// A page.
#[derive(Debug, Default)]
pub struct Page {
    /// What stands on it, the lower first.
    pub marks: Vec<Mark>,
}

/// A place that the reader's table of contents leads to.
#[derive(Debug)]
pub struct Place {
    /// What it is called.
    pub title: String,
    /// The page, counted from 0.
    pub page: usize,
    /// From the top.
    pub y: f32,
}

/// Pages and what they mean.
#[derive(Debug)]
pub struct Sheets {
    /// Points.
    pub width: f32,
    /// Points.
    pub height: f32,
    /// The pages.
    pub pages: Vec<Page>,
    /// The table of contents.
    pub places: Vec<Place>,
    /// Each node and its parent; the first is the root, and its own parent.
    pub(super) nodes: Vec<(Meaning, usize)>,
}

impl Sheets {
    /// One empty page of this size, in points.
    #[must_use]
    pub fn new(width: f32, height: f32) -> Self {
        let nodes = vec![(Meaning::Document, 0)];
        Self { width, height, pages: vec![Page::default()], places: Vec::new(), nodes }
    }

    /// The root of the tree.
    #[must_use]
    pub const fn root() -> Node {
        Node(0)
    }

    /// Adds a node below another, after those it has.
    pub fn node(&mut self, parent: Node, meaning: Meaning) -> Node {
        self.nodes.push((meaning, parent.0));
        Node(self.nodes.len() - 1)
    }

    /// Puts something on the newest page.
    pub fn put(&mut self, mark: Mark) {
        if let Some(page) = self.pages.last_mut() {
            page.marks.push(mark);
        }
    }
}

/// The dark squares of a QR code (ISO/IEC 18004), each row's neighbours as one, in a square of `size` points at `x`,
/// `y`; the quiet zone is the caller's.
#[must_use]
pub fn squares(code: &qrcode::QrCode, x: f32, y: f32, size: f32) -> Vec<Area> {
    let count = code.width();
    let colours = code.to_colors();
    let mut areas = Vec::new();
    let side = size / count_of(count);
    for (row, line) in colours.chunks(count).enumerate() {
        let mut start = None;
        for (at, dark) in line.iter().map(|colour| *colour == qrcode::Color::Dark).chain([false]).enumerate() {
            match (dark, start) {
                (true, None) => start = Some(at),
                (false, Some(from)) => {
                    // A hair taller than the row: two rectangles that only touch show a white line on some screens.
                    areas.push(Area {
                        x: x + count_of(from) * side,
                        y: y + count_of(row) * side,
                        width: count_of(at - from) * side,
                        height: side * 1.02,
                    });
                    start = None;
                }
                _ => {}
            }
        }
    }
    areas
}

/// A small count as a number of points.
#[must_use]
pub fn count_of(count: usize) -> f32 {
    u16::try_from(count).map_or(f32::from(u16::MAX), f32::from)
}
