//! Typefaces: which letters there are, how wide they are, and where a line ends.

use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::charmap::Charmap;
use skrifa::instance::{LocationRef, Size};
use skrifa::metrics::GlyphMetrics;
use skrifa::{FontRef, MetadataProvider as _};
use unicode_normalization::UnicodeNormalization as _;

use super::PaperError;

/// Stands where a typeface lacks a letter.
pub const REPLACEMENT: char = '\u{fffd}';

/// Which typeface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// For reading.
    Regular,
    /// For headings and names.
    Bold,
    /// For what is compared letter by letter.
    Mono,
}

/// Red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour(pub u8, pub u8, pub u8);

impl Colour {
    /// Black enough to read, soft enough not to glare.
    pub const INK: Self = Self(26, 28, 33);
    /// For labels and small print: 7:1 on white.
    pub const GREY: Self = Self(85, 89, 97);
    /// For lines between rows.
    pub const LINE: Self = Self(214, 217, 222);
    /// Paper.
    pub const WHITE: Self = Self(255, 255, 255);

    /// Relative luminance, 0 to 1 (WCAG 2.1 § 1.4.3).
    fn luminance(self) -> f32 {
        let linear = |part: u8| {
            let part = f32::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }

    /// Between this colour and another: 0 is this one, 255 the other.
    #[must_use]
    pub fn towards(self, other: Self, share: u8) -> Self {
        let mix = |from: u8, to: u8| {
            let (from, to, share) = (u16::from(from), u16::from(to), u16::from(share));
            u8::try_from((from * (255 - share) + to * share + 127) / 255).unwrap_or(u8::MAX)
        };
        Self(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }

    /// The same colour, as much darker as it takes to be read on white (4.5:1, WCAG 2.1 § 1.4.3).
    #[must_use]
    pub fn readable(self) -> Self {
        let enough = |colour: &Self| 1.05 / (colour.luminance() + 0.05) >= 4.5;
        (0..=u8::MAX).map(|share| self.towards(Self(0, 0, 0), share)).find(enough).unwrap_or(Self::INK)
    }
}

/// How text looks. Sizes are points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Style {
    /// The typeface.
    pub face: Face,
    /// The size of the letters.
    pub size: f32,
    /// From line to line.
    pub leading: f32,
    /// Its colour.
    pub colour: Colour,
}

impl Style {
    /// A style whose lines are 1.4 times as far apart as its letters are tall.
    #[must_use]
    pub const fn new(face: Face, size: f32, colour: Colour) -> Self {
        Self { face, size, leading: size * 1.4, colour }
    }

    /// The same in another colour.
    #[must_use]
    pub const fn coloured(self, colour: Colour) -> Self {
        Self { colour, ..self }
    }
}

/// A row of letters, measured.
#[derive(Debug, Clone)]
pub struct Run {
    /// What it says, without the letters that the typeface lacks.
    pub text: String,
    /// Its letters.
    pub glyphs: Vec<KrillaGlyph>,
    /// Points.
    pub width: f32,
    /// Its look.
    pub style: Style,
}

struct Loaded {
    font: Font,
    letters: Charmap<'static>,
    widths: GlyphMetrics<'static>,
    per_em: f32,
}

impl Loaded {
    fn of(data: &'static [u8]) -> Option<Self> {
        let font = FontRef::new(data).ok()?;
        let (size, place) = (Size::unscaled(), LocationRef::default());
        let per_em = f32::from(font.metrics(size, place).units_per_em);
        Some(Self {
            font: Font::new(data.into(), 0)?,
            letters: font.charmap(),
            widths: font.glyph_metrics(size, place),
            per_em,
        })
    }

    /// The glyph of a letter and its width in ems.
    fn glyph(&self, letter: char) -> Option<(u32, f32)> {
        let glyph = self.letters.map(letter)?;
        Some((glyph.to_u32(), self.widths.advance_width(glyph)? / self.per_em))
    }
}

/// The typefaces there are.
pub struct Faces {
    regular: Loaded,
    bold: Loaded,
    mono: Loaded,
}

impl Faces {
    /// Reads them.
    ///
    /// # Errors
    /// [`PaperError::Face`] when one is damaged.
    pub fn load() -> Result<Self, PaperError> {
        let load = |data| Loaded::of(data).ok_or(PaperError::Face);
        Ok(Self {
            regular: load(include_bytes!("../fonts/Roboto-Regular.ttf"))?,
            bold: load(include_bytes!("../fonts/Roboto-Bold.ttf"))?,
            mono: load(include_bytes!("../fonts/RobotoMono-Regular.ttf"))?,
        })
    }

    fn loaded(&self, face: Face) -> &Loaded {
        match face {
            Face::Regular => &self.regular,
            Face::Bold => &self.bold,
            Face::Mono => &self.mono,
        }
    }

    /// The typeface for the PDF library.
    #[must_use]
    pub fn font(&self, face: Face) -> Font {
        self.loaded(face).font.clone()
    }

    /// The text in composed letters, with [`REPLACEMENT`] for those that the typeface lacks, and a plain space for
    /// every other kind of white space. No letter is invisible or turns the direction of others.
    fn legible(&self, text: &str, face: Face) -> String {
        let face = self.loaded(face);
        let known = |letter: char| match letter {
            letter if letter.is_whitespace() => ' ',
            letter if face.glyph(letter).is_some() => letter,
            _ => REPLACEMENT,
        };
        text.nfc().map(known).collect()
    }

    /// One line of text, however long.
    #[must_use]
    pub fn run(&self, text: &str, style: Style) -> Run {
        let text = self.legible(text, style.face);
        let face = self.loaded(style.face);
        let mut ems = 0.0;
        let mut glyphs = Vec::with_capacity(text.len());
        for (at, letter) in text.char_indices() {
            // What `legible` lets through has a glyph.
            let Some((glyph, width)) = face.glyph(letter) else { continue };
            ems += width;
            let range = at..at + letter.len_utf8();
            glyphs.push(KrillaGlyph::new(GlyphId::new(glyph), width, 0.0, 0.0, 0.0, range, None));
        }
        Run { text, glyphs, width: ems * style.size, style }
    }

    /// Text in groups of so many letters, with a gap between them that is no letter: whoever copies it copies the code.
    #[must_use]
    pub fn grouped(&self, text: &str, style: Style, group: usize, gap: f32) -> Run {
        let mut run = self.run(text, style);
        let count = run.glyphs.len();
        for (at, glyph) in run.glyphs.iter_mut().enumerate() {
            if (at + 1) % group == 0 && at + 1 < count {
                glyph.x_advance += gap;
                run.width += gap * style.size;
            }
        }
        run
    }

    fn width(&self, text: &str, style: Style) -> f32 {
        let face = self.loaded(style.face);
        text.chars().filter_map(|letter| face.glyph(letter)).map(|(_, width)| width).sum::<f32>() * style.size
    }

    /// The lines of a text, none wider than `width` points: broken at line feeds and between words; inside a word only
    /// where it is wider than a line. A line that goes on ends in its space, so that what reads the text aloud does
    /// not join two words.
    #[must_use]
    pub fn lines(&self, text: &str, style: Style, width: f32) -> Vec<Run> {
        let mut lines = Vec::new();
        for paragraph in text.replace("\r\n", "\n").split(['\n', '\r']) {
            let text = self.legible(paragraph, style.face);
            let mut line = String::new();
            let mut used = 0.0;
            for word in text.split_inclusive(' ') {
                let bare = self.width(word.trim_end(), style);
                if used + bare > width && !line.is_empty() {
                    lines.push(self.run(&std::mem::take(&mut line), style));
                    used = 0.0;
                }
                if bare <= width {
                    line.push_str(word);
                    used += self.width(word, style);
                    continue;
                }
                for letter in word.chars() {
                    let wide = self.width(letter.encode_utf8(&mut [0; 4]), style);
                    if used + wide > width && !line.is_empty() {
                        lines.push(self.run(&std::mem::take(&mut line), style));
                        used = 0.0;
                    }
                    line.push(letter);
                    used += wide;
                }
            }
            lines.push(self.run(&line, style));
        }
        lines
    }
}
