//! The lists that are timed.

use std::time::{Duration, Instant};

use uuid::Uuid;
use ventanilla::app::App;
use ventanilla::domain::{AttentionChannel, Channel, Micros, Status};
use ventanilla::store;
use ventanilla::store::attentions;
use ventanilla::store::listing::{Order, Place, Wanted, WantedParty, list};

use crate::fill::{AGENT, DAY, START, person, unit};
use crate::millis;

/// A person who has a few entries of a million.
const SOMEBODY: u64 = 72;

/// How often each is asked; the median counts.
const TIMES: usize = 9;
/// A page of the screens, and one more to know whether another follows.
const PAGE: i64 = 51;

fn all() -> Wanted {
    Wanted::default()
}

fn of(id: &str) -> WantedParty {
    WantedParty { id: id.into(), country: None }
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

/// What is asked, and its name.
fn cases() -> Vec<(&'static str, Wanted)> {
    let middle = Place(String::new(), START + 1800 * DAY, 0);
    vec![
        ("all, the first page", all()),
        ("all, a page in the middle", Wanted { after: Some(middle.clone()), ..all() }),
        ("a person without entries", Wanted { party: Some(of("X0000000T")), ..all() }),
        ("a person with some", Wanted { party: Some(of(&person(SOMEBODY))), ..all() }),
        ("whoever files one in a hundred", Wanted { party: Some(of(AGENT)), ..all() }),
        ("the same, in legal order", Wanted { party: Some(of(AGENT)), order: Order::EffectiveAt, ..all() }),
        ("a word that is nowhere", Wanted { words: words("zarzaparrilla"), ..all() }),
        ("a word in ten entries", Wanted { words: words("meteorito"), ..all() }),
        ("a word in 0.3 %", Wanted { words: words("poda"), ..all() }),
        ("a word in 1 %", Wanted { words: words("vado"), ..all() }),
        ("a word in 10 %", Wanted { words: words("obra"), ..all() }),
        ("a word in 30 %", Wanted { words: words("licencia"), ..all() }),
        ("a word in all", Wanted { words: words("solicitud"), ..all() }),
        ("a word in all, a page in the middle", Wanted { words: words("solicitud"), after: Some(middle), ..all() }),
        ("one letter", Wanted { words: words("s"), ..all() }),
        ("two words, in 3 %", Wanted { words: words("licencia obra"), ..all() }),
        ("two words, in 0.003 %", Wanted { words: words("vado poda"), ..all() }),
        ("a word in 30 %, a year", Wanted { words: words("licencia"), year: Some(2018), ..all() }),
        ("a word in 30 %, a person", Wanted { words: words("licencia"), party: Some(of(&person(SOMEBODY))), ..all() }),
        ("a word in 30 %, whoever files much", Wanted { words: words("licencia"), party: Some(of(AGENT)), ..all() }),
        ("a word in 30 %, a rare channel", {
            Wanted { words: words("licencia"), channel: Some(Channel::Exchange), ..all() }
        }),
        ("a word in 1 %, a unit", Wanted { words: words("vado"), unit: Some(unit(50)), ..all() }),
        ("a word in 1 %, by number", Wanted { words: words("vado"), order: Order::Number, ..all() }),
        ("a word in 30 %, by number", Wanted { words: words("licencia"), order: Order::Number, ..all() }),
        ("a channel of 35 %", Wanted { channel: Some(Channel::InPerson), ..all() }),
        ("a channel of 0.01 %", Wanted { channel: Some(Channel::Exchange), ..all() }),
        ("the same, by number", Wanted { channel: Some(Channel::Exchange), order: Order::Number, ..all() }),
        ("a year", Wanted { year: Some(2018), ..all() }),
        ("a year without entries", Wanted { year: Some(1999), ..all() }),
        ("a year and a channel of 0.01 %", Wanted { year: Some(2018), channel: Some(Channel::Exchange), ..all() }),
        ("a year and a channel of 35 %", Wanted { year: Some(2018), channel: Some(Channel::InPerson), ..all() }),
        ("a year, by number", Wanted { year: Some(2018), order: Order::Number, ..all() }),
        ("a status that most have", Wanted { status: Some(Status::Registered), ..all() }),
        ("a status that nobody has", Wanted { status: Some(Status::Sent), ..all() }),
        ("a book", Wanted { book: Some("salida".into()), ..all() }),
        ("a book without entries", Wanted { book: Some("otro".into()), ..all() }),
        ("a destination", Wanted { unit: Some(unit(50)), ..all() }),
        ("a destination that nobody has", Wanted { unit: Some("X".into()), ..all() }),
        ("what a unit has", Wanted { distributed_to: Some(unit(50)), ..all() }),
        ("days", {
            let from = START + 1000 * DAY;
            Wanted { from: Some(Micros(from)), to: Some(Micros(from + 7 * DAY)), ..all() }
        }),
        ("dated back", Wanted { backdated: Some(true), ..all() }),
        ("to be corrected", Wanted { to_be_corrected: Some(true), ..all() }),
        ("to be sent again", Wanted { resend_required: Some(true), ..all() }),
        ("by number", Wanted { order: Order::Number, descending: false, ..all() }),
        ("in legal order", Wanted { order: Order::EffectiveAt, descending: false, ..all() }),
    ]
}

fn attention_cases() -> Vec<(&'static str, attentions::Wanted)> {
    let all = attentions::Wanted::default;
    vec![
        ("attentions, all", all()),
        (
            "attentions by a channel of 0.01 %",
            attentions::Wanted { channel: Some(AttentionChannel::Whatsapp), ..all() },
        ),
        ("attentions by a channel that nobody used", {
            attentions::Wanted { channel: Some(AttentionChannel::Email), ..all() }
        }),
        ("attentions of a unit", attentions::Wanted { unit: Some(unit(50)), ..all() }),
        ("attentions of a unit that has none", attentions::Wanted { unit: Some("X".into()), ..all() }),
    ]
}

fn median(mut waits: Vec<Duration>) -> Duration {
    waits.sort_unstable();
    waits[waits.len() / 2]
}

fn print(what: &str, rows: usize, time: Duration, floor: Duration) {
    println!("  {what:<44} {rows:>6} {:>10.2} {:>10.1}", millis(time), millis(time) / millis(floor));
}

/// How long it takes to find one entry by its id, and to read its row.
async fn floor(app: &App) -> Duration {
    let mut tx = app.store().read().await.unwrap();
    let ids: Vec<Uuid> = list(&mut tx, app.entity.id, &all(), PAGE).await.unwrap().iter().map(|row| row.id).collect();
    let mut waits = Vec::new();
    for id in ids.iter().cycle().take(500) {
        let asked = Instant::now();
        assert!(store::entries::by_id(&mut tx, app.entity.id, *id).await.unwrap().is_some());
        waits.push(asked.elapsed());
    }
    median(waits)
}

/// Whether there are entries.
pub async fn any(app: &App) -> bool {
    let mut tx = app.store().read().await.unwrap();
    !list(&mut tx, app.entity.id, &all(), 1).await.unwrap().is_empty()
}

/// The table.
pub async fn run(app: &App) {
    let floor = floor(app).await;
    println!("  {:<44} {:>6} {:>10} {:>10}", "", "rows", "ms", "floors");
    print("floor: one entry by its primary key", 1, floor, floor);
    for (what, wanted) in cases() {
        let (mut waits, mut rows) = (Vec::new(), 0);
        for _ in 0..TIMES {
            let mut tx = app.store().read().await.unwrap();
            let asked = Instant::now();
            rows = list(&mut tx, app.entity.id, &wanted, PAGE).await.unwrap().len();
            waits.push(asked.elapsed());
            // What takes long is not asked so often.
            if waits.iter().sum::<Duration>() > Duration::from_secs(5) {
                break;
            }
        }
        print(what, rows, median(waits), floor);
    }
    for (what, wanted) in attention_cases() {
        let mut waits = Vec::new();
        let mut rows = 0;
        for _ in 0..TIMES {
            let mut tx = app.store().read().await.unwrap();
            let asked = Instant::now();
            rows = attentions::list(&mut tx, app.entity.id, &wanted, PAGE).await.unwrap().len();
            waits.push(asked.elapsed());
        }
        print(what, rows, median(waits), floor);
    }
}
