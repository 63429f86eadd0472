//! From sheets to PDF, by the PDF library: deterministic, with the tree of meaning, checked against the standard.

use std::num::NonZeroU16;

use krilla::action::{Action, LinkAction};
use krilla::annotation::{Annotation, LinkAnnotation, Target};
use krilla::color::rgb;
use krilla::configure::{Accessibility, Archival, Configuration, ConfigurationBuilder};
use krilla::destination::XyzDestination;
use krilla::embed::{AssociationKind, EmbeddedFile, MimeType};
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::{DateTime, Metadata};
use krilla::num::NormalizedF32;
use krilla::outline::{Outline, OutlineNode};
use krilla::page::{Page as Surfaced, PageSettings};
use krilla::paint::Fill;
use krilla::surface::Surface;
use krilla::tagging::{
    Artifact, ArtifactType, ContentTag, Identifier, ListNumbering, Node as Branch, SpanTag, TableHeaderScope, Tag,
    TagGroup, TagKind, TagTree,
};
use krilla::{Document, SerializeSettings};

use super::PaperError;
use super::face::{Colour, Faces};
use super::sheet::{Area, Mark, Meaning, Sheets};

/// A file inside the PDF, as the data that it shows (ISO 32000-2 § 14.13).
#[derive(Debug, Clone, Copy)]
pub struct Attachment<'a> {
    /// The file's name.
    pub name: &'a str,
    /// Its media type.
    pub media_type: &'a str,
    /// What it is.
    pub description: &'a str,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// What the PDF says of itself.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The title, which a reader shows instead of the file's name.
    pub title: &'a str,
    /// What it is about.
    pub subject: &'a str,
    /// Whose it is.
    pub author: &'a str,
    /// What makes it different from every other.
    pub id: &'a str,
    /// When what it shows came to be: no clock is asked.
    pub at: chrono::DateTime<chrono::FixedOffset>,
    /// For the archive and for everybody: PDF/A-3a and PDF/UA-1. Without, a plain PDF to print.
    pub archived: bool,
}

/// Paints the sheets.
///
/// # Errors
/// [`PaperError::Pdf`] with what breaks the standard.
pub fn paint(
    sheets: Sheets,
    faces: &Faces,
    about: About<'_>,
    attachment: Option<Attachment<'_>>,
) -> Result<Vec<u8>, PaperError> {
    let refused = |what: &dyn std::fmt::Debug| PaperError::Pdf(format!("{what:?}"));
    let configuration = if about.archived {
        let builder = ConfigurationBuilder::new().with_archival_validator(Archival::A3_A);
        builder.with_accessibility_validator(Accessibility::UA1).finish().map_err(|error| refused(&error))?
    } else {
        Configuration::default()
    };
    let settings = SerializeSettings { enable_tagging: about.archived, configuration, ..SerializeSettings::default() };
    let mut document = Document::new_with(settings);
    let at = date(about.at);
    document.set_metadata(metadata(about, at));
    if let Some(file) = attachment {
        document.embed_file(EmbeddedFile {
            path: file.name.to_owned(),
            mime_type: MimeType::new(file.media_type),
            description: Some(file.description.to_owned()),
            association_kind: AssociationKind::Data,
            data: file.bytes.to_vec().into(),
            modification_date: Some(at),
            compress: Some(true),
            location: None,
        });
    }
    let mut outline = Outline::new();
    for place in &sheets.places {
        let top = XyzDestination::new(place.page, Point::from_xy(0.0, place.y));
        outline.push_child(OutlineNode::new(place.title.clone(), top));
    }
    document.set_outline(outline);

    let mut leaves: Vec<Vec<Identifier>> = vec![Vec::new(); sheets.nodes.len()];
    for page in sheets.pages {
        let size =
            PageSettings::from_wh(sheets.width, sheets.height).ok_or_else(|| refused(&"the size of the page"))?;
        let mut surfaced = document.start_page_with(size);
        let mut painter = Painter { faces, leaves: &mut leaves };
        let mut surface = surfaced.surface();
        let links: Vec<Mark> = page.marks.into_iter().filter_map(|mark| painter.draw(&mut surface, mark)).collect();
        surface.finish();
        for link in links {
            painter.link(&mut surfaced, link);
        }
        surfaced.finish();
    }
    if about.archived {
        document.set_tag_tree(tree(&sheets.nodes, leaves));
    }
    document.finish().map_err(|error| refused(&error))
}

fn metadata(about: About<'_>, at: DateTime) -> Metadata {
    Metadata::new()
        .title(about.title.to_owned())
        .description(about.subject.to_owned())
        .authors(vec![about.author.to_owned()])
        .creator("Ventanilla".to_owned())
        .language("es".to_owned())
        .document_id(about.id.to_owned())
        .creation_date(at)
}

fn date(at: chrono::DateTime<chrono::FixedOffset>) -> DateTime {
    use chrono::{Datelike as _, Timelike as _};
    let small = |value: u32| u8::try_from(value).unwrap_or_default();
    let minutes = at.offset().local_minus_utc() / 60;
    DateTime::new(u16::try_from(at.year()).unwrap_or_default())
        .month(small(at.month()))
        .day(small(at.day()))
        .hour(small(at.hour()))
        .minute(small(at.minute()))
        .second(small(at.second()))
        .utc_offset_hour(i8::try_from(minutes / 60).unwrap_or_default())
        .utc_offset_minute(small(minutes.unsigned_abs() % 60))
}

struct Painter<'p> {
    faces: &'p Faces,
    leaves: &'p mut Vec<Vec<Identifier>>,
}

impl Painter<'_> {
    /// Draws a mark; a link is handed back, since it lies on the page and not in it.
    fn draw(&mut self, surface: &mut Surface<'_>, mark: Mark) -> Option<Mark> {
        let node = match &mark {
            Mark::Link { .. } => return Some(mark),
            Mark::Text { node, .. } | Mark::Fill { node, .. } => *node,
        };
        let says = match &mark {
            Mark::Text { says, .. } => says.clone(),
            _ => None,
        };
        let tag = match (node, &mark) {
            (None, _) => ContentTag::Artifact(Artifact::with_kind(ArtifactType::PaginationOther)),
            (Some(_), Mark::Text { .. }) => ContentTag::Span(SpanTag::empty().with_actual_text(says.as_deref())),
            _ => ContentTag::Other,
        };
        let leaf = surface.start_tagged(tag);
        match mark {
            Mark::Text { x, y, run, .. } => {
                surface.set_fill(Some(fill(run.style.colour)));
                let font = self.faces.font(run.style.face);
                surface.draw_glyphs(Point::from_xy(x, y), &run.glyphs, font, &run.text, run.style.size, false);
            }
            Mark::Fill { areas, colour, .. } => {
                surface.set_fill(Some(fill(colour)));
                let mut path = PathBuilder::new();
                for area in areas.into_iter().filter_map(rect) {
                    path.push_rect(area);
                }
                if let Some(path) = path.finish() {
                    surface.draw_path(&path);
                }
            }
            Mark::Link { .. } => {}
        }
        surface.end_tagged();
        if let Some(node) = node {
            self.leaves[node.0].push(leaf);
        }
        None
    }

    fn link(&mut self, page: &mut Surfaced<'_>, mark: Mark) {
        let Mark::Link { area, url, node } = mark else { return };
        let Some(area) = rect(area) else { return };
        let target = Target::Action(Action::Link(LinkAction::new(url.clone())));
        let annotation = Annotation::new_link(LinkAnnotation::new(area, target), Some(url));
        self.leaves[node.0].push(page.add_tagged_annotation(annotation));
    }
}

fn rect(area: Area) -> Option<Rect> {
    Rect::from_xywh(area.x, area.y, area.width, area.height)
}

fn fill(Colour(red, green, blue): Colour) -> Fill {
    Fill { paint: rgb::Color::new(red, green, blue).into(), opacity: NormalizedF32::ONE, ..Fill::default() }
}

/// The tree of meaning: parents stand before their children in `nodes`.
fn tree(nodes: &[(Meaning, usize)], leaves: Vec<Vec<Identifier>>) -> TagTree {
    let mut groups: Vec<Vec<Branch>> =
        leaves.into_iter().map(|leaves| leaves.into_iter().map(Branch::from).collect()).collect();
    let mut below: Vec<Vec<Branch>> = nodes.iter().map(|_| Vec::new()).collect();
    for (at, (meaning, parent)) in nodes.iter().enumerate().skip(1).rev() {
        let mut children = std::mem::take(&mut groups[at]);
        children.extend(std::mem::take(&mut below[at]).into_iter().rev());
        if !children.is_empty() {
            below[*parent].push(TagGroup::with_children(kind(meaning), children).into());
        }
    }
    let mut tree = TagTree::new().with_lang(Some("es".to_owned()));
    for child in std::mem::take(&mut below[0]).into_iter().rev() {
        tree.push(child);
    }
    tree
}

fn kind(meaning: &Meaning) -> TagKind {
    match meaning {
        Meaning::Document => Tag::Part.into(),
        Meaning::Section => Tag::Section.into(),
        Meaning::Heading(level, title) => {
            Tag::Hn(NonZeroU16::new(*level).unwrap_or(NonZeroU16::MIN), Some(title.clone())).into()
        }
        Meaning::Paragraph => Tag::P.into(),
        Meaning::Table => Tag::Table.into(),
        Meaning::Row => Tag::TR.into(),
        Meaning::Name => Tag::TH(TableHeaderScope::Row).into(),
        Meaning::Value => Tag::TD.into(),
        Meaning::List => Tag::L(ListNumbering::Decimal).into(),
        Meaning::Item => Tag::LI.into(),
        Meaning::Label => Tag::Lbl.into(),
        Meaning::Body => Tag::LBody.into(),
        Meaning::Figure(says) => Tag::Figure(Some(says.clone())).into(),
        Meaning::Link => Tag::Link.into(),
    }
}
