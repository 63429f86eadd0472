//! The town of the demo: a fresh folder with the embedded default, its holidays, and the history of its registry.

use std::fs;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use super::citizen::{INTERMEDIATE, ROOT};
use super::client::Failure;
use super::{Quiet, seed};
use crate::app::App;
use crate::cli::init;
use crate::domain::calendar::{Holiday, ScopeYear};
use crate::domain::text;
use crate::import::{attentions, entries};
use crate::registry::calendar;
use crate::report::channels::ChannelsReport;
use crate::report::table;
use crate::report::window::Window;
use crate::store;

/// National holidays of the years that the demo lives in, as the State's calendar has them.
const HOLIDAYS: &[u8] = include_bytes!("holidays.csv");

/// Makes the folder; gives the file of its settings. The people of the demo are trusted there, and only there.
///
/// # Errors
/// When the folder is not empty, or cannot be written to.
pub fn found(dir: &Path) -> Result<PathBuf, Failure> {
    if dir.exists() && fs::read_dir(dir)?.next().is_some() {
        return Err(format!("{} is not empty: the demo wants a fresh folder", dir.display()).into());
    }
    let file = init::write(dir, &init::Answers::trial())?;
    fs::write(dir.join("anchors/demo-root.test.pem"), ROOT)?;
    fs::write(dir.join("intermediates/demo-intermediate.test.pem"), INTERMEDIATE)?;
    Ok(file)
}

/// Keeps the address at which the demo serves in its settings: its receipts carry it, and whoever serves the folder
/// later answers there.
///
/// # Errors
/// When the settings cannot be written.
pub fn settle(file: &Path, app: &App) -> Result<(), Failure> {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let text = fs::read_to_string(file)?
        .replace("\nlisten = \"127.0.0.1:8080\"\n", &format!("\nlisten = {}\n", quoted(&app.config.listen)))
        .replace("\npublic_url = \"\"\n", &format!("\npublic_url = {}\n", quoted(&app.config.entity.public_url)));
    Ok(fs::write(file, text)?)
}

/// Publishes the calendar and imports the history.
///
/// # Errors
/// When something of it is not taken.
pub async fn remember(app: &App, dir: &Path) -> Result<(), Failure> {
    let holidays = Holiday::read_csv(HOLIDAYS).map_err(|bad| format!("{} bad holidays", bad.len()))?;
    let mut tx = app.store().begin().await?;
    let loader = calendar::Loader { by: "demo".into(), at: app.clock().now(), source: None };
    calendar::publish(&mut tx, app.entity.id, &ScopeYear::group(&holidays), &loader).await?;
    for (code, name) in seed::UNITS {
        store::catalogue::ensure_unit(&mut tx, app.entity.id, code, name, &text::fold(name), true).await?;
    }
    tx.commit().await?;

    let (entries_file, attentions_file) = (dir.join("history-entries.csv"), dir.join("history-attentions.csv"));
    seed::entries_csv(BufWriter::new(fs::File::create(&entries_file)?))?;
    seed::attentions_csv(BufWriter::new(fs::File::create(&attentions_file)?))?;
    let began = app.clock().monotonic();
    match entries::import(app, &entries_file, false, &mut Quiet).await? {
        entries::Outcome::Done(summary) => {
            let seconds = (app.clock().monotonic() - began) / 100_000;
            println!("  {} entries of 2018 to 2020, in {}.{} s", summary.written, seconds / 10, seconds % 10);
        }
        entries::Outcome::Refused { bad } => return Err(format!("{bad} entries of the history were refused").into()),
    }
    match attentions::import(app, &attentions_file, false, &mut Quiet).await? {
        attentions::Outcome::Done(summary) => println!("  {} attentions of the citizens' service", summary.attentions),
        _ => return Err("the attentions of the history were refused".into()),
    }
    Ok(())
}

/// Prints the report beside what the town hall published; gives what does not agree.
///
/// # Errors
/// When the database does not answer.
pub async fn report(app: &App) -> Result<Vec<String>, Failure> {
    let window = Window::parse("03-01", "08-31", "2018,2019,2020").map_err(|error| error.to_string())?;
    let report = ChannelsReport::count(app.store(), app.entity.id, &window).await?;
    print!("{}", table::write(&report));
    println!("\nBeside the figures that a town hall published for these months");
    let mut surprises = Vec::new();
    for (published, computed) in seed::PUBLISHED.iter().zip(&report.years) {
        let seed::Published { year, phone, whatsapp, email, entries, electronic } = *published;
        let of_records = [
            computed.attentions.phone,
            computed.attentions.whatsapp,
            computed.attentions.email,
            computed.entries.total,
            computed.entries.electronic,
        ];
        let same = of_records.map(i64::unsigned_abs) == [phone, whatsapp, email, entries, electronic];
        println!(
            "  {year}: phone {phone}, WhatsApp {whatsapp}, e-mail {email}; entries {entries}, electronic {electronic}: {}",
            if same { "the records give the same" } else { "THE RECORDS GIVE OTHERS" }
        );
        if !same {
            surprises.push(format!("the figures of {year}: {of_records:?}"));
        }
    }
    println!(
        "  Where its text was wrong: it wrote 14,450 electronic attentions where its rows add up to 14,540; \"268 % more\""
    );
    println!(
        "  calls where they were 268 % of the year before (+168.1 %); \"more than triple the former years\" where it was"
    );
    println!(
        "  3.21 and 2.95 times as many; and \"five and six times more\" e-mails and messages for 6.21 and 5.65 times as many."
    );
    Ok(surprises)
}
