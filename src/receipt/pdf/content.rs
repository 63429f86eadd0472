//! What a printed receipt says, and in which order.

use qrcode::{EcLevel, QrCode};

use super::view::{Document, Receipt, Verdict};
use super::{Look, words};
use crate::domain::{BookKind, Party, Person};
use crate::receipt::paper::PaperError;
use crate::receipt::paper::face::{Colour, Face, Faces, REPLACEMENT, Style};
use crate::receipt::paper::flow::{Flow, Margins};
use crate::receipt::paper::sheet::{Area, Mark, Meaning, Node, Sheets, count_of, squares};

/// A4, in points.
const A4: (f32, f32) = (595.276, 841.89);
const MARGINS: Margins = Margins { side: 56.0, top: 70.0, bottom: 72.0, names: 138.0 };

const TEXT: Style = Style::new(Face::Regular, 10.0, Colour::INK);
const STRONG: Style = Style::new(Face::Bold, 10.0, Colour::INK);
const SMALL: Style = Style::new(Face::Regular, 8.5, Colour::GREY);
const HASH: Style = Style::new(Face::Mono, 8.2, Colour::INK);

/// Lays a receipt out.
pub fn write(receipt: &Receipt, url: &str, look: &Look, faces: &Faces) -> Result<Sheets, PaperError> {
    let code = QrCode::with_error_correction_level(url, EcLevel::M).map_err(|_| PaperError::Code(url.to_owned()))?;
    let mut writer = Writer {
        receipt,
        url,
        colour: look.colour().readable(),
        bar: look.colour(),
        flow: Flow::new(Sheets::new(A4.0, A4.1), faces, MARGINS),
    };
    writer.head(&look.name, &code);
    writer.entry();
    writer.parties();
    writer.submission();
    writer.documents();
    writer.signatures();
    writer.proof();
    writer.every_page(&look.name);
    Ok(writer.flow.sheets)
}

/// A code with its name before it, where that is known.
fn named(code: &str, name: Option<&str>) -> String {
    name.map_or_else(|| code.to_owned(), |name| format!("{name} ({code})"))
}

struct Writer<'w> {
    receipt: &'w Receipt,
    url: &'w str,
    /// The entity's colour, dark enough to be read.
    colour: Colour,
    /// The entity's colour as it is.
    bar: Colour,
    flow: Flow<'w>,
}

impl Writer<'_> {
    /// The entity, what this is, and what one looks for first: the number, the time and the code to check it.
    fn head(&mut self, entity: &str, code: &QrCode) {
        const PANEL: f32 = 104.0;
        let flow = &mut self.flow;
        let root = Sheets::root();
        let title = words::title(self.receipt.entry.kind);
        let bar = Area { x: 0.0, y: 0.0, width: flow.sheets.width, height: 7.0 };
        flow.sheets.put(Mark::Fill { areas: vec![bar], colour: self.bar, node: None });
        flow.y = 34.0;
        flow.paragraph(flow.left(), entity, Style::new(Face::Bold, 13.0, self.colour), root);
        let register = format!("Registro electrónico · {}", self.receipt.issuer.code);
        flow.paragraph(flow.left(), &register, SMALL, root);
        flow.skip(20.0);
        let heading = flow.sheets.node(root, Meaning::Heading(1, title.to_owned()));
        flow.text(flow.left(), title, Style::new(Face::Bold, 23.0, Colour::INK), heading);
        flow.skip(10.0);

        let top = flow.y;
        let panel = Area { x: flow.left(), y: top, width: flow.width(), height: PANEL };
        let tint = self.colour.towards(Colour::WHITE, 234);
        flow.sheets.put(Mark::Fill { areas: vec![panel], colour: tint, node: None });
        let edge = Area { width: 3.5, ..panel };
        flow.sheets.put(Mark::Fill { areas: vec![edge], colour: self.bar, node: None });
        self.qr(code, panel);

        let flow = &mut self.flow;
        let left = flow.left() + 18.0;
        flow.y = top + 12.0;
        let entry = &self.receipt.entry;
        let mut line = |text: &str, style: Style, room: f32| {
            let node = flow.sheets.node(root, Meaning::Paragraph);
            for run in flow.faces.lines(text, style, room) {
                flow.line(left, run, node);
            }
        };
        line("Número de registro", SMALL, 340.0);
        line(&entry.code, Style::new(Face::Bold, 25.0, self.colour), 340.0);
        line(
            match entry.kind {
                BookKind::Incoming => "Presentado el",
                BookKind::Outgoing => "Fecha de salida",
            },
            SMALL,
            340.0,
        );
        line(&words::moment(entry.presented_at), STRONG, 340.0);
        self.flow.y = top + PANEL;
    }

    /// The QR code on white, at the right of the panel.
    fn qr(&mut self, code: &QrCode, panel: Area) {
        let size = panel.height - 16.0;
        let quiet = size * 4.0 / (count_of(code.width()) + 8.0);
        let white = Area { x: panel.x + panel.width - size - 8.0, y: panel.y + 8.0, width: size, height: size };
        let sheets = &mut self.flow.sheets;
        sheets.put(Mark::Fill { areas: vec![white], colour: Colour::WHITE, node: None });
        let says = format!("Código QR con la dirección de comprobación: {}", self.url);
        let node = Some(sheets.node(Sheets::root(), Meaning::Figure(says)));
        let areas = squares(code, white.x + quiet, white.y + quiet, size - 2.0 * quiet);
        sheets.put(Mark::Fill { areas, colour: Colour::INK, node });
    }

    fn section(&mut self, title: &str, room: f32) -> Node {
        self.flow.section(title, Style::new(Face::Bold, 12.5, self.colour), room)
    }

    fn table(&mut self, title: &str) -> Node {
        let section = self.section(title, 40.0);
        self.flow.sheets.node(section, Meaning::Table)
    }

    fn row(&mut self, table: Node, name: &str, value: &str) {
        self.flow.row(table, name, value, TEXT);
    }

    fn row_if(&mut self, table: Node, name: &str, value: Option<&str>) {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            self.row(table, name, value);
        }
    }

    /// The entry: when, how and where.
    fn entry(&mut self) {
        let entry = &self.receipt.entry;
        let table = self.table("Datos del registro");
        let kind = match entry.kind {
            BookKind::Incoming => "entrada",
            BookKind::Outgoing => "salida",
        };
        let book = if entry.book == kind {
            format!("Registro de {kind}")
        } else {
            format!("{} (registro de {kind})", entry.book)
        };
        self.row(table, "Libro", &book);
        self.row(table, "Fecha de presentación", &words::moment(entry.presented_at));
        if let Some(reason) = entry.presented_at_reason {
            let mut text = words::presented_at_reason(reason).to_owned();
            if let Some(reference) = &entry.presented_at_reference {
                text = format!("{text} ({reference})");
            }
            self.row(table, "Motivo de esa fecha", &text);
        }
        self.row(table, "Fecha de registro", &words::moment(entry.registered_at));
        if let Some(effective) = entry.effective_at {
            let mut text = words::moment(effective);
            if effective != entry.presented_at {
                text += ". Se presentó en un día inhábil: se entiende realizada en la primera hora del primer día \
                         hábil siguiente (artículo 31.2 de la Ley 39/2015)";
            }
            self.row(table, "Fecha de efectos", &text);
        } else if entry.effective_at_pending {
            self.row(
                table,
                "Fecha de efectos",
                "Pendiente de que se publique el calendario de días inhábiles: si el día de presentación es hábil, la de \
                 presentación; si no, la primera hora del primer día hábil siguiente (artículo 31.2 de la Ley 39/2015)",
            );
        }
        self.row(table, "Vía", words::channel(entry.channel));
        self.row_if(table, "Acreditación de la voluntad", entry.authentication_method.map(words::authentication));
        if let Some(identification) = &entry.identification {
            self.row(table, "Norma que admite la identificación", &identification.rule);
            self.row(table, "Certificado (SHA-256)", &identification.certificate_sha256);
        }
        let obliged = entry.must_submit_electronically.map(words::must_submit_electronically);
        let obliged = obliged.map(|reason| format!("Sí: {reason} (artículos 14 y 68.4 de la Ley 39/2015)"));
        self.row_if(table, "Obligación de relación electrónica", obliged.as_deref());
        let office = entry.office.as_deref().map(|code| named(code, entry.office_name.as_deref()));
        self.row_if(table, "Oficina", office.as_deref());
        self.row(table, "Registrado por", &entry.registered_by);
        let unit = entry.destination_unit.as_deref().map(|code| named(code, entry.destination_unit_name.as_deref()));
        self.row(table, "Unidad de destino", unit.as_deref().unwrap_or("Por determinar"));
        self.row_if(table, "Corrige el asiento", entry.corrects.as_deref());
        self.row_if(table, "Responde al asiento", entry.answers.as_deref());
        self.row_if(table, "Procedimiento (SIA)", entry.procedure.as_deref());
        self.row_if(table, "Número de expediente", entry.file_number.as_deref());
        self.row_if(table, "Referencia externa", entry.external_reference.as_deref());
        self.row_if(table, "Documentación física", entry.physical_documents.map(words::physical_documents));
        self.row_if(table, "Transporte", entry.transport.map(words::transport));
        self.row_if(table, "Número de transporte", entry.transport_number.as_deref());
        self.row_if(table, "Observaciones", entry.remarks.as_deref());
    }

    fn parties(&mut self) {
        let parties = &self.receipt.entry.interested_parties;
        let title = if parties.len() == 1 { "Persona interesada" } else { "Personas interesadas" };
        let table = self.table(title);
        for (at, party) in parties.iter().enumerate() {
            let name =
                if parties.len() == 1 { "Interesada".to_owned() } else { format!("{} de {}", at + 1, parties.len()) };
            let (who, how) = person(party);
            self.flow.row(table, &name, &who, STRONG);
            if let Some(how) = how {
                self.row(table, "Representante", &how);
            }
        }
    }

    fn submission(&mut self) {
        let entry = &self.receipt.entry;
        let table = self.table("Contenido");
        self.flow.row(table, "Asunto", &entry.subject, STRONG);
        self.row_if(table, "Expone", entry.statement.as_deref());
        self.row_if(table, "Solicita", entry.request.as_deref());
        if let Some(hash) = entry.submission_sha256 {
            self.flow.row(table, "SHA-256 de la solicitud", &hash.to_string(), Style { leading: 14.0, ..HASH });
        }
    }

    fn documents(&mut self) {
        let documents = &self.receipt.entry.documents;
        let title = match documents.len() {
            0 => "Documentos".to_owned(),
            count => format!("Documentos ({count})"),
        };
        let section = self.section(&title, 62.0);
        if documents.is_empty() {
            self.flow.paragraph(self.flow.left(), "No se han aportado documentos.", TEXT, section);
            return;
        }
        let list = self.flow.sheets.node(section, Meaning::List);
        for (at, document) in documents.iter().enumerate() {
            if at > 0 {
                self.flow.need(54.0);
                self.flow.skip(2.5);
                self.flow.between(Colour::LINE, 0.5);
                self.flow.skip(5.0);
            }
            self.document(list, at + 1, document);
        }
    }

    fn document(&mut self, list: Node, number: usize, document: &Document) {
        const INDENT: f32 = 26.0;
        let colour = self.colour;
        let flow = &mut self.flow;
        let left = flow.left() + INDENT;
        let title = document.title.as_deref().unwrap_or(&document.filename);
        let facts = [
            document.filename.clone(),
            words::size(document.size),
            document.media_type.clone(),
            format!("{}, {}", words::kind(document.kind), words::validity(document.validity)),
        ];
        let facts = facts.join(" · ");
        flow.need(54.0);
        let item = flow.sheets.node(list, Meaning::Item);
        let (label, body) = (flow.sheets.node(item, Meaning::Label), flow.sheets.node(item, Meaning::Body));
        let top = flow.y;
        flow.line(flow.left(), flow.faces.run(&format!("{number}."), STRONG.coloured(colour)), label);
        flow.y = top;
        flow.paragraph(left, title, STRONG, body);
        flow.paragraph(left, &facts, SMALL, body);
        let hash = flow.sheets.node(body, Meaning::Paragraph);
        let caption =
            flow.faces.run("SHA-256 ", Style { leading: HASH.leading, ..Style::new(Face::Regular, 8.2, Colour::GREY) });
        let at = left + caption.width + 3.0;
        let top = flow.y;
        flow.line(left, caption, hash);
        flow.y = top;
        self.hash(at, &document.sha256.to_string(), hash);
        if document.format_not_accepted {
            let note = "Formato no admitido por la entidad: se le requerirá su subsanación (artículo 39.1 del Real Decreto 203/2021).";
            self.flow.paragraph(left, note, SMALL.coloured(Colour::INK), body);
        }
    }

    /// A hash on one line, its groups of eight in two shades: so the eye keeps its place, and whoever copies it copies
    /// nothing else.
    fn hash(&mut self, mut x: f32, hash: &str, node: Node) {
        let flow = &mut self.flow;
        let top = flow.y;
        let mut rest = hash;
        let mut dark = true;
        while !rest.is_empty() {
            let (group, after) = rest.split_at(rest.len().min(8));
            let run = flow.faces.run(group, HASH.coloured(if dark { Colour::INK } else { Colour::GREY }));
            let width = run.width;
            flow.y = top;
            flow.line(x, run, node);
            x += width;
            (rest, dark) = (after, !dark);
        }
    }

    fn signatures(&mut self) {
        let verdicts = &self.receipt.signatures;
        if verdicts.is_empty() {
            return;
        }
        let table = self.table(&format!("Firmas electrónicas comprobadas ({})", verdicts.len()));
        for verdict in verdicts {
            let name = self.covered(&verdict.covers);
            let text = said(verdict);
            self.row(table, &name, &text);
        }
    }

    /// What a signature covers, in words.
    fn covered(&self, covers: &str) -> String {
        match covers.split_once(':') {
            None if covers == "submission" => "La solicitud".to_owned(),
            Some(("document", part)) => {
                let documents = &self.receipt.entry.documents;
                match documents.iter().position(|document| document.part == part) {
                    Some(at) => format!("Documento {}: {}", at + 1, documents[at].filename),
                    None => format!("Documento {part}"),
                }
            }
            _ => covers.to_owned(),
        }
    }

    /// What it proves, and where that can be checked.
    fn proof(&mut self) {
        let section = self.section("Valor y comprobación de este recibo", 150.0);
        let left = self.flow.left();
        self.flow.paragraph(left, &self.receipt.statement.es, TEXT, section);
        self.flow.skip(8.0);
        let flow = &mut self.flow;
        flow.need(90.0);
        let node = flow.sheets.node(section, Meaning::Paragraph);
        flow.line(left, flow.faces.run("Código seguro de verificación (CSV)", SMALL), node);
        let csv = Style::new(Face::Mono, 14.0, self.colour);
        let node = flow.sheets.node(section, Meaning::Paragraph);
        let run = flow.faces.grouped(&self.receipt.csv, csv, 4, 0.7);
        flow.says(left, run, Some(self.receipt.csv.clone()), node);
        flow.skip(6.0);
        let text = "Compruebe este recibo, y si el asiento sigue vigente, con el código QR de la primera página o en:";
        flow.paragraph(left, text, TEXT, section);
        self.link(section);
        self.flow.skip(6.0);
        let mut text = "Este documento lleva el sello electrónico de la entidad y contiene, como fichero adjunto \
                        receipt.json, los mismos datos en un formato que los programas pueden comprobar."
            .to_owned();
        if self.shows_replacements() {
            text += " El signo \u{fffd} ocupa el lugar de los caracteres que este documento no puede mostrar: el texto exacto consta en ese fichero.";
        }
        self.flow.paragraph(left, &text, SMALL, section);
    }

    /// The address, as a link where the paper is read on a screen.
    fn link(&mut self, section: Node) {
        let flow = &mut self.flow;
        let paragraph = flow.sheets.node(section, Meaning::Paragraph);
        let link = flow.sheets.node(paragraph, Meaning::Link);
        let left = flow.left();
        let lines = flow.faces.lines(self.url, TEXT.coloured(self.colour), flow.width());
        let (first, width) = (lines.len() == 1, lines.first().map_or(0.0, |line| line.width));
        for line in lines {
            flow.line(left, line, link);
        }
        // An address that takes several lines would need several places to click; it is still there to be read.
        if first {
            let area = Area { x: left, y: flow.y - TEXT.leading, width, height: TEXT.leading };
            flow.sheets.put(Mark::Link { area, url: self.url.to_owned(), node: link });
        }
    }

    fn shows_replacements(&self) -> bool {
        let marks = self.flow.sheets.pages.iter().flat_map(|page| &page.marks);
        marks.into_iter().any(|mark| matches!(mark, Mark::Text { run, .. } if run.text.contains(REPLACEMENT)))
    }

    /// Number, code and page at the foot of every page; the entity above, but for the first.
    fn every_page(&mut self, entity: &str) {
        let faces = self.flow.faces;
        let (left, right, width) = (self.flow.left(), self.flow.right(), self.flow.width());
        let sheets = &mut self.flow.sheets;
        let (count, height) = (sheets.pages.len(), sheets.height);
        let small = Style::new(Face::Regular, 7.8, Colour::GREY);
        let at = |x: f32, y: f32, run| Mark::Text { x, y, run, says: None, node: None };
        let entry = &self.receipt.entry;
        let foot = format!("{} {} · CSV {}", words::title(entry.kind), entry.code, self.receipt.csv);
        for (number, page) in sheets.pages.iter_mut().enumerate() {
            let line = Area { x: left, y: height - 52.0, width, height: 0.5 };
            page.marks.push(Mark::Fill { areas: vec![line], colour: Colour::LINE, node: None });
            page.marks.push(at(left, height - 38.0, faces.run(&foot, small)));
            let run = faces.run(&format!("Página {} de {count}", number + 1), small);
            page.marks.push(at(right - run.width, height - 38.0, run));
            if number > 0 {
                let bar = Area { x: 0.0, y: 0.0, width: sheets.width, height: 7.0 };
                page.marks.push(Mark::Fill { areas: vec![bar], colour: self.bar, node: None });
                let name = faces.lines(entity, Style::new(Face::Bold, 9.0, self.colour), width);
                page.marks.extend(name.into_iter().next().map(|run| at(left, 44.0, run)));
            }
        }
    }
}

/// Who somebody is, and who acts for them.
fn person(party: &Party) -> (String, Option<String>) {
    let who = format!("{} · {}", party.display_name(), identifier(&party.person));
    let how = party.representative.as_ref().map(|representative| {
        let mut text = format!("{} · {}", representative.display_name(), identifier(&representative.person));
        if let Some(authority) = &representative.authority {
            text = format!("{text}, por {}", words::authority(authority));
        }
        text
    });
    (who, how)
}

/// An identifier, with the country that gave it where that was stated.
fn identifier(person: &Person) -> String {
    match person.id_country {
        Some(country) => format!("{} ({country})", person.id),
        None => person.id.clone(),
    }
}

/// A verdict in its sentence, and whose signature it is.
fn said(verdict: &Verdict) -> String {
    let Some(signer) = &verdict.signer else { return verdict.explanation.es.clone() };
    let mut who = signer.name.clone();
    match (&signer.id, &signer.id_country) {
        (Some(id), Some(country)) => who = format!("{who} · {id} ({country})"),
        (Some(id), None) => who = format!("{who} · {id}"),
        (None, _) => {}
    }
    let organization = signer.organization.as_ref();
    if let Some(name) = organization.and_then(|organization| organization.name.as_ref().or(organization.id.as_ref())) {
        who = format!("{who}, por {name}");
    }
    let at = verdict.signed_at.parse().map_or_else(|_| verdict.signed_at.clone(), words::short);
    format!("{}\nFirmante: {who}\nConsta desde el {at}", verdict.explanation.es)
}
